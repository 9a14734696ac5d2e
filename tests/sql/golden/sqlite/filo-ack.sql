-- filo-ack, sqlite: as ack.sql with other names of tables, but for this

-- the tables
SELECT name FROM pragma_table_info(?);
SELECT name FROM pragma_table_info(?);
CREATE TABLE IF NOT EXISTS "pq_meta" (name TEXT PRIMARY KEY, version INTEGER NOT NULL, marks INTEGER NOT NULL, expired INTEGER NOT NULL, returned INTEGER NOT NULL);
CREATE TABLE "ack_filo_queue_x" (_id INTEGER PRIMARY KEY AUTOINCREMENT, data BLOB, timestamp FLOAT, status INTEGER, crc INTEGER);
CREATE TABLE "pq_state_ack_filo_queue_x" (id INTEGER PRIMARY KEY, status INTEGER NOT NULL, priority INTEGER NOT NULL, due FLOAT, expires FLOAT, attempts INTEGER NOT NULL, token INTEGER NOT NULL, owner INTEGER, changed FLOAT, dedupe_key TEXT, reason TEXT);
CREATE INDEX "pq_order_ack_filo_queue_x" ON "pq_state_ack_filo_queue_x" (status DESC, priority, id DESC, due);
CREATE INDEX "pq_due_ack_filo_queue_x" ON "pq_state_ack_filo_queue_x" (due) WHERE due IS NOT NULL;
CREATE INDEX "pq_key_ack_filo_queue_x" ON "pq_state_ack_filo_queue_x" (dedupe_key) WHERE dedupe_key IS NOT NULL;
INSERT INTO "pq_state_ack_filo_queue_x" (id, status, priority, attempts, token) SELECT _id, CASE WHEN status IN (2, 5, 9) THEN status ELSE 1 END, 0, 0, 0 FROM "ack_filo_queue_x";
INSERT OR IGNORE INTO "pq_meta" (name, version, marks, expired, returned) VALUES (?, ?, 0, 0, 0);

-- from version 1 to 2
DROP INDEX "pq_ready_ack_filo_queue_x";
DROP INDEX "pq_leased_ack_filo_queue_x";
DROP INDEX "pq_settled_ack_filo_queue_x";
UPDATE "pq_state_ack_filo_queue_x" SET priority = 0 WHERE status = 5;
CREATE INDEX "pq_order_ack_filo_queue_x" ON "pq_state_ack_filo_queue_x" (status DESC, priority, id DESC, due);

-- any
SELECT (SELECT id FROM "pq_state_ack_filo_queue_x" WHERE status = 1 AND (due IS NULL OR due > ?) ORDER BY priority, id DESC LIMIT 1) IS NOT NULL;

-- beyond
SELECT id, data, timestamp, crc, token + 1, attempts + 1 FROM "pq_state_ack_filo_queue_x" JOIN "ack_filo_queue_x" ON "ack_filo_queue_x"._id = "pq_state_ack_filo_queue_x".id WHERE "pq_state_ack_filo_queue_x".status = 1 AND (due IS NULL OR due > ?) AND id < ? ORDER BY id DESC LIMIT 1;

-- first
SELECT id, data, timestamp, crc, token + 1, attempts + 1, (SELECT min(due) FROM "pq_state_ack_filo_queue_x" WHERE due IS NOT NULL), ? FROM "pq_state_ack_filo_queue_x" JOIN "ack_filo_queue_x" ON "ack_filo_queue_x"._id = "pq_state_ack_filo_queue_x".id WHERE "pq_state_ack_filo_queue_x".status = 1 AND (due IS NULL OR due > ?) ORDER BY priority, id DESC LIMIT 1;

-- next
SELECT id, data, timestamp, crc, token + 1, attempts + 1 FROM "pq_state_ack_filo_queue_x" JOIN "ack_filo_queue_x" ON "ack_filo_queue_x"._id = "pq_state_ack_filo_queue_x".id WHERE "pq_state_ack_filo_queue_x".status = 1 AND (due IS NULL OR due > ?) ORDER BY priority, id DESC LIMIT ?;

-- page
SELECT id, data, timestamp, crc, "pq_state_ack_filo_queue_x".priority, "pq_state_ack_filo_queue_x".status FROM "pq_state_ack_filo_queue_x" JOIN "ack_filo_queue_x" ON "ack_filo_queue_x"._id = "pq_state_ack_filo_queue_x".id WHERE "pq_state_ack_filo_queue_x".status = 1 AND (due IS NULL OR due > ?) AND (priority > ? OR (priority = ? AND id < ?)) ORDER BY priority, id DESC LIMIT 256;

-- peek
SELECT id, data, timestamp, crc, token + 1, attempts + 1 FROM "pq_state_ack_filo_queue_x" JOIN "ack_filo_queue_x" ON "ack_filo_queue_x"._id = "pq_state_ack_filo_queue_x".id WHERE "pq_state_ack_filo_queue_x".status = 1 AND (due IS NULL OR due > ?) ORDER BY priority, id DESC LIMIT 1;

-- some
SELECT count(*) FROM (SELECT 1 FROM "pq_state_ack_filo_queue_x" WHERE status = 1 ORDER BY priority, id DESC LIMIT ?) AS few;
