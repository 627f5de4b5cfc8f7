BEGIN;
CREATE TABLE order_lines (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    created_at  TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at  TIMESTAMPTZ NOT NULL DEFAULT now(),
    state       TEXT NOT NULL DEFAULT 'new',
    details     JSONB NOT NULL DEFAULT '{}'
);
CREATE INDEX order_lines_created_at ON order_lines (created_at);
COMMIT;
