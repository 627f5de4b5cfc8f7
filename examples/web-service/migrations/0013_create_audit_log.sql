BEGIN;
CREATE TABLE audit_log (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    created_at  TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at  TIMESTAMPTZ NOT NULL DEFAULT now(),
    state       TEXT NOT NULL DEFAULT 'new',
    details     JSONB NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_log_created_at ON audit_log (created_at);
COMMIT;
