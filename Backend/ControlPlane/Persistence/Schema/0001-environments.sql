-- Names of environments; every other record of a user belongs to one.
CREATE TABLE environments (
  name TEXT PRIMARY KEY,
  created_ms BIGINT NOT NULL
);
INSERT INTO environments (name, created_ms) VALUES ('main', 0);
