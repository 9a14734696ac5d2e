-- dictionary, sqlite

-- the plans, and what each may say
-- clear: clear
-- count: count
-- delete: delete
-- exists: exists
-- get: get
-- page: first, page
-- pop: get, delete
-- pop_last: last, delete
-- set: update, insert
-- set_default: get, insert
-- set_many: update, insert

-- the tables
SELECT name FROM pragma_table_info(?);
SELECT name FROM pragma_table_info(?);
CREATE TABLE IF NOT EXISTS "pq_meta" (name TEXT PRIMARY KEY, version INTEGER NOT NULL, marks INTEGER NOT NULL, expired INTEGER NOT NULL, returned INTEGER NOT NULL);
CREATE TABLE "dict_x" (key TEXT PRIMARY KEY, data BLOB, crc INTEGER);
INSERT OR IGNORE INTO "pq_meta" (name, version, marks, expired, returned) VALUES (?, ?, 0, 0, 0);

-- mark
UPDATE "pq_meta" SET marks = marks + 1 WHERE name = ?;

-- clear
DELETE FROM "dict_x";

-- count
SELECT count(*) FROM "dict_x";

-- delete
DELETE FROM "dict_x" WHERE key = ?;

-- exists
SELECT 1 FROM "dict_x" WHERE key = ?;

-- first
SELECT key, data, NULL, crc FROM "dict_x" ORDER BY key LIMIT 256;

-- get
SELECT data, crc FROM "dict_x" WHERE key = ?;

-- insert
INSERT INTO "dict_x" (key, data, crc) VALUES (?, ?, ?);

-- last
SELECT key, data, NULL, crc FROM "dict_x" ORDER BY key DESC LIMIT 1;

-- page
SELECT key, data, NULL, crc FROM "dict_x" WHERE key > ? ORDER BY key LIMIT 256;

-- update
UPDATE "dict_x" SET data = ?, crc = ? WHERE key = ?;
