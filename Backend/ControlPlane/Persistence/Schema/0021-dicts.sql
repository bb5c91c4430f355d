CREATE TABLE dicts (
  id TEXT PRIMARY KEY,
  environment TEXT NOT NULL REFERENCES environments (name),
  name TEXT,         -- null: an ephemeral one
  created_ms BIGINT NOT NULL,
  expires_ms BIGINT, -- of an ephemeral one
  UNIQUE (environment, name)
);
CREATE TABLE dict_entries (
  dict_id TEXT NOT NULL REFERENCES dicts (id) ON DELETE CASCADE,
  key $blob$ NOT NULL,
  value $blob$ NOT NULL,
  used_ms BIGINT NOT NULL,
  PRIMARY KEY (dict_id, key)
);
CREATE INDEX dict_entries_by_use ON dict_entries (used_ms);

-- Answers to what changed a dict or a queue, for clients that ask again because the answer did not reach them.
CREATE TABLE answered_requests (
  object_id TEXT NOT NULL,
  request_id TEXT NOT NULL,
  reply $blob$ NOT NULL,
  expires_ms BIGINT NOT NULL,
  PRIMARY KEY (object_id, request_id)
);
CREATE INDEX answered_requests_by_end ON answered_requests (expires_ms);
