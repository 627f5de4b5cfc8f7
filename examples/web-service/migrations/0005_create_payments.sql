BEGIN;
CREATE TABLE payments (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    created_at  TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at  TIMESTAMPTZ NOT NULL DEFAULT now(),
    state       TEXT NOT NULL DEFAULT 'new',
    details     JSONB NOT NULL DEFAULT '{}'
);
CREATE INDEX payments_created_at ON payments (created_at);
COMMIT;
