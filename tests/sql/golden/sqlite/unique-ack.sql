-- unique-ack, sqlite: as ack.sql with other names of tables, but for this

-- the tables
SELECT name FROM pragma_table_info(?);
SELECT name FROM pragma_table_info(?);
CREATE TABLE IF NOT EXISTS "pq_meta" (name TEXT PRIMARY KEY, version INTEGER NOT NULL, marks INTEGER NOT NULL, expired INTEGER NOT NULL, returned INTEGER NOT NULL);
CREATE TABLE "ack_unique_queue_x" (_id INTEGER PRIMARY KEY AUTOINCREMENT, data BLOB, timestamp FLOAT, status INTEGER, crc INTEGER, UNIQUE (data));
CREATE TABLE "pq_state_ack_unique_queue_x" (id INTEGER PRIMARY KEY, status INTEGER NOT NULL, priority INTEGER NOT NULL, due FLOAT, expires FLOAT, attempts INTEGER NOT NULL, token INTEGER NOT NULL, owner INTEGER, changed FLOAT, dedupe_key TEXT, reason TEXT);
CREATE INDEX "pq_order_ack_unique_queue_x" ON "pq_state_ack_unique_queue_x" (status DESC, priority, id, due);
CREATE INDEX "pq_due_ack_unique_queue_x" ON "pq_state_ack_unique_queue_x" (due) WHERE due IS NOT NULL;
CREATE INDEX "pq_key_ack_unique_queue_x" ON "pq_state_ack_unique_queue_x" (dedupe_key) WHERE dedupe_key IS NOT NULL;
INSERT INTO "pq_state_ack_unique_queue_x" (id, status, priority, attempts, token) SELECT _id, CASE WHEN status IN (2, 5, 9) THEN status ELSE 1 END, 0, 0, 0 FROM "ack_unique_queue_x";
INSERT INTO "pq_meta" (version, name, marks, expired, returned) VALUES (?, ?, 0, 0, 0);
