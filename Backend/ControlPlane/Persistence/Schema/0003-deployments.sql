CREATE TABLE deployed_apps (
  app_id TEXT PRIMARY KEY,
  environment TEXT NOT NULL REFERENCES environments (name),
  name TEXT NOT NULL,
  version BIGINT NOT NULL,
  created_ms BIGINT NOT NULL,
  UNIQUE (environment, name)
);

-- deployment: an AppDeployment of deployments.proto. digest: of all that makes two versions the same.
CREATE TABLE app_versions (
  app_id TEXT NOT NULL REFERENCES deployed_apps (app_id) ON DELETE CASCADE,
  version BIGINT NOT NULL,
  created_ms BIGINT NOT NULL,
  deployment $blob$ NOT NULL,
  digest TEXT NOT NULL,
  code_digest TEXT NOT NULL,
  strategy INTEGER NOT NULL,
  tag TEXT NOT NULL,
  git_commit TEXT NOT NULL,
  git_dirty INTEGER NOT NULL,
  rolled_back_to BIGINT NOT NULL,
  PRIMARY KEY (app_id, version)
);
