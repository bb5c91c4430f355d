CREATE TABLE queues (
  id TEXT PRIMARY KEY,
  environment TEXT NOT NULL REFERENCES environments (name),
  name TEXT,         -- null: an ephemeral one
  created_ms BIGINT NOT NULL,
  expires_ms BIGINT, -- of an ephemeral one
  UNIQUE (environment, name)
);
CREATE TABLE queue_partitions (
  queue_id TEXT NOT NULL REFERENCES queues (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  expires_ms BIGINT NOT NULL,
  PRIMARY KEY (queue_id, name)
);
CREATE TABLE queue_items (
  queue_id TEXT NOT NULL REFERENCES queues (id) ON DELETE CASCADE,
  partition_name TEXT NOT NULL,
  seq BIGINT NOT NULL,
  value $blob$ NOT NULL,
  PRIMARY KEY (queue_id, partition_name, seq)
);
