BEGIN;
CREATE TABLE sessions (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    created_at  TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at  TIMESTAMPTZ NOT NULL DEFAULT now(),
    state       TEXT NOT NULL DEFAULT 'new',
    details     JSONB NOT NULL DEFAULT '{}'
);
CREATE INDEX sessions_created_at ON sessions (created_at);
COMMIT;
