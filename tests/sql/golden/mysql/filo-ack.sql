-- filo-ack, mysql: as ack.sql with other names of tables, but for this

-- the tables
SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = %s;
SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = %s;
CREATE TABLE IF NOT EXISTS `pq_meta` (name VARCHAR(255) PRIMARY KEY, version BIGINT NOT NULL, marks BIGINT NOT NULL, expired BIGINT NOT NULL, returned BIGINT NOT NULL) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE TABLE IF NOT EXISTS `ack_filo_queue_x` (_id BIGINT PRIMARY KEY AUTO_INCREMENT, data LONGBLOB, timestamp DOUBLE, crc BIGINT, status BIGINT NOT NULL, priority BIGINT NOT NULL, due DOUBLE, expires DOUBLE, attempts BIGINT NOT NULL, token BIGINT NOT NULL, owner BIGINT, changed DOUBLE, dedupe_key VARCHAR(255), reason LONGTEXT, KEY `pq_ready_ack_filo_queue_x` (status, priority, _id DESC, due), KEY `pq_leased_ack_filo_queue_x` (status, owner), KEY `pq_settled_ack_filo_queue_x` (status, _id), KEY `pq_due_ack_filo_queue_x` (due), KEY `pq_key_ack_filo_queue_x` (dedupe_key)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `pq_meta` (name, version, marks, expired, returned) VALUES (%s, %s, 0, 0, 0) ON DUPLICATE KEY UPDATE name = name;

-- any
SELECT (SELECT _id FROM `ack_filo_queue_x` WHERE status = 1 AND (due <= (UNIX_TIMESTAMP(NOW(6)) + 0e0)) IS NOT TRUE ORDER BY priority, _id DESC LIMIT 1) IS NOT NULL;

-- beyond
SELECT _id, data, timestamp, crc, token + 1, attempts + 1 FROM `ack_filo_queue_x` WHERE `ack_filo_queue_x`.status = 1 AND (due <= (UNIX_TIMESTAMP(NOW(6)) + 0e0)) IS NOT TRUE AND _id < %s ORDER BY _id DESC LIMIT 1 FOR UPDATE SKIP LOCKED;

-- changes
SELECT CONCAT_WS(' ', (SELECT _id FROM `ack_filo_queue_x` WHERE status = 1 AND (due <= (UNIX_TIMESTAMP(NOW(6)) + 0e0)) IS NOT TRUE ORDER BY priority, _id DESC LIMIT 1), (SELECT min(due) FROM `ack_filo_queue_x` WHERE due IS NOT NULL), max(_id), min(_id)) FROM `ack_filo_queue_x`;

-- first
SELECT _id, data, timestamp, crc, token + 1, attempts + 1 FROM `ack_filo_queue_x` WHERE `ack_filo_queue_x`.status = 1 AND (due <= (UNIX_TIMESTAMP(NOW(6)) + 0e0)) IS NOT TRUE ORDER BY priority, _id DESC LIMIT 1 FOR UPDATE SKIP LOCKED;

-- next
SELECT _id, data, timestamp, crc, token + 1, attempts + 1 FROM `ack_filo_queue_x` WHERE `ack_filo_queue_x`.status = 1 AND (due <= (UNIX_TIMESTAMP(NOW(6)) + 0e0)) IS NOT TRUE ORDER BY priority, _id DESC LIMIT %s FOR UPDATE SKIP LOCKED;

-- page
SELECT _id, data, timestamp, crc, `ack_filo_queue_x`.priority, `ack_filo_queue_x`.status FROM `ack_filo_queue_x` WHERE `ack_filo_queue_x`.status = 1 AND (due <= (UNIX_TIMESTAMP(NOW(6)) + 0e0)) IS NOT TRUE AND (priority > %s OR (priority = %s AND _id < %s)) ORDER BY priority, _id DESC LIMIT 256;

-- peek
SELECT _id, data, timestamp, crc, token + 1, attempts + 1 FROM `ack_filo_queue_x` WHERE `ack_filo_queue_x`.status = 1 AND (due <= (UNIX_TIMESTAMP(NOW(6)) + 0e0)) IS NOT TRUE ORDER BY priority, _id DESC LIMIT 1;

-- some
SELECT count(*) FROM (SELECT 1 FROM `ack_filo_queue_x` WHERE status = 1 ORDER BY priority, _id DESC LIMIT %s) AS few;
