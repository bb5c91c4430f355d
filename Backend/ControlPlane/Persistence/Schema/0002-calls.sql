-- Functions that have detached calls, as they were last configured: enough to run them again after a restart.
CREATE TABLE functions (
  function_id TEXT PRIMARY KEY,
  app_id TEXT NOT NULL,
  app_name TEXT NOT NULL,
  name TEXT NOT NULL,
  spec $blob$ NOT NULL,
  code $blob$ NOT NULL
);

-- One row per detached call. state: 1 running, 2 finished, 3 cancelled, 4 expired (CallStatus of calls.proto).
CREATE TABLE calls (
  call_id TEXT PRIMARY KEY,
  function_id TEXT NOT NULL,
  state INTEGER NOT NULL,
  is_complete INTEGER NOT NULL,
  inputs BIGINT NOT NULL,
  succeeded BIGINT NOT NULL,
  failed BIGINT NOT NULL,
  created_ms BIGINT NOT NULL,
  finished_ms BIGINT NOT NULL,
  expires_ms BIGINT NOT NULL,
  parent_call_id TEXT,
  parent_index BIGINT NOT NULL,
  -- Its first inputs, a CallPart: most calls have no others.
  part $blob$
);
CREATE INDEX calls_running ON calls (function_id) WHERE state = 1;
CREATE INDEX calls_created ON calls (created_ms);
CREATE INDEX calls_expiring ON calls (expires_ms) WHERE expires_ms > 0;
CREATE INDEX calls_children ON calls (parent_call_id) WHERE parent_call_id IS NOT NULL;

-- Further inputs, a CallPart each.
CREATE TABLE call_parts (
  call_id TEXT NOT NULL,
  first_index BIGINT NOT NULL,
  part $blob$ NOT NULL,
  PRIMARY KEY (call_id, first_index)
);

-- Results as they were made, some at a time: CallResults, numbered up to seq.
CREATE TABLE call_results (
  call_id TEXT NOT NULL,
  seq BIGINT NOT NULL,
  results $blob$ NOT NULL,
  PRIMARY KEY (call_id, seq)
);

-- Blobs that inputs and results name: they stay as long as these.
CREATE TABLE call_blobs (
  call_id TEXT NOT NULL,
  digest TEXT NOT NULL,
  PRIMARY KEY (call_id, digest)
);
