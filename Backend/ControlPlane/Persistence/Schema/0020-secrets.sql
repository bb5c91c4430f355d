-- Sets of environment variables, sealed with a key that is not in the database.
CREATE TABLE secrets (
  id TEXT PRIMARY KEY,
  environment TEXT NOT NULL REFERENCES environments (name),
  name TEXT,          -- null: of the app, for as long as it lives
  app_id TEXT,
  keys TEXT NOT NULL, -- names of the variables, sorted, one a line
  sealed $blob$ NOT NULL,
  created_ms BIGINT NOT NULL,
  updated_ms BIGINT NOT NULL,
  UNIQUE (environment, name)
);
CREATE INDEX secrets_of_apps ON secrets (app_id);
