-- Volumes: index_name is the index in the store that has the files of the newest version.
CREATE TABLE volumes (
  volume_id TEXT PRIMARY KEY,
  environment TEXT NOT NULL REFERENCES environments (name),
  name TEXT NOT NULL,
  version BIGINT NOT NULL,
  index_name TEXT NOT NULL,
  created_ms BIGINT NOT NULL,
  changed_ms BIGINT NOT NULL,
  UNIQUE (environment, name)
);
