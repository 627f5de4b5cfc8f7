BEGIN;
CREATE TABLE products (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    created_at  TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at  TIMESTAMPTZ NOT NULL DEFAULT now(),
    state       TEXT NOT NULL DEFAULT 'new',
    details     JSONB NOT NULL DEFAULT '{}'
);
CREATE INDEX products_created_at ON products (created_at);
COMMIT;
