-- filo-ack, mysql: as ack.sql with other names of tables, but for this

-- the tables
SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = %s;
SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = %s;
CREATE TABLE IF NOT EXISTS `pq_meta` (name VARCHAR(255) PRIMARY KEY, version BIGINT NOT NULL, marks BIGINT NOT NULL, expired BIGINT NOT NULL, returned BIGINT NOT NULL) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE TABLE `ack_filo_queue_x` (_id BIGINT PRIMARY KEY AUTO_INCREMENT, data LONGBLOB, timestamp DOUBLE, status BIGINT, crc BIGINT) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE TABLE `pq_state_ack_filo_queue_x` (id BIGINT PRIMARY KEY, status BIGINT NOT NULL, priority BIGINT NOT NULL, due DOUBLE, expires DOUBLE, attempts BIGINT NOT NULL, token BIGINT NOT NULL, owner BIGINT, changed DOUBLE, dedupe_key VARCHAR(255), reason LONGTEXT) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE INDEX `pq_ready_ack_filo_queue_x` ON `pq_state_ack_filo_queue_x` (status, priority, id DESC, due);
CREATE INDEX `pq_leased_ack_filo_queue_x` ON `pq_state_ack_filo_queue_x` (owner);
CREATE INDEX `pq_settled_ack_filo_queue_x` ON `pq_state_ack_filo_queue_x` (status, id);
CREATE INDEX `pq_due_ack_filo_queue_x` ON `pq_state_ack_filo_queue_x` (due);
CREATE INDEX `pq_key_ack_filo_queue_x` ON `pq_state_ack_filo_queue_x` (dedupe_key);
INSERT INTO `pq_state_ack_filo_queue_x` (id, status, priority, attempts, token) SELECT _id, CASE WHEN status IN (2, 5, 9) THEN status ELSE 1 END, 0, 0, 0 FROM `ack_filo_queue_x`;
INSERT INTO `pq_meta` (version, name, marks, expired, returned) VALUES (%s, %s, 0, 0, 0);

-- beyond
SELECT id, data, timestamp, crc, token + 1, attempts + 1, NULL FROM `pq_state_ack_filo_queue_x` JOIN `ack_filo_queue_x` ON `ack_filo_queue_x`._id = `pq_state_ack_filo_queue_x`.id WHERE `pq_state_ack_filo_queue_x`.status = 1 AND (due IS NULL OR due > UNIX_TIMESTAMP(NOW(6))) AND id < %s ORDER BY id DESC LIMIT 1 FOR UPDATE SKIP LOCKED;

-- first
SELECT id, data, timestamp, crc, token + 1, attempts + 1, (SELECT min(due) FROM `pq_state_ack_filo_queue_x` WHERE due IS NOT NULL), UNIX_TIMESTAMP(NOW(6)) FROM `pq_state_ack_filo_queue_x` JOIN `ack_filo_queue_x` ON `ack_filo_queue_x`._id = `pq_state_ack_filo_queue_x`.id WHERE `pq_state_ack_filo_queue_x`.status = 1 AND (due IS NULL OR due > UNIX_TIMESTAMP(NOW(6))) ORDER BY priority, id DESC LIMIT 1 FOR UPDATE SKIP LOCKED;

-- next
SELECT id, data, timestamp, crc, token + 1, attempts + 1, NULL FROM `pq_state_ack_filo_queue_x` JOIN `ack_filo_queue_x` ON `ack_filo_queue_x`._id = `pq_state_ack_filo_queue_x`.id WHERE `pq_state_ack_filo_queue_x`.status = 1 AND (due IS NULL OR due > UNIX_TIMESTAMP(NOW(6))) ORDER BY priority, id DESC LIMIT %s FOR UPDATE SKIP LOCKED;

-- page
SELECT id, data, timestamp, crc, `pq_state_ack_filo_queue_x`.priority, `pq_state_ack_filo_queue_x`.status FROM `pq_state_ack_filo_queue_x` JOIN `ack_filo_queue_x` ON `ack_filo_queue_x`._id = `pq_state_ack_filo_queue_x`.id WHERE `pq_state_ack_filo_queue_x`.status = 1 AND (due IS NULL OR due > UNIX_TIMESTAMP(NOW(6))) AND (priority > %s OR (priority = %s AND id < %s)) ORDER BY priority, id DESC LIMIT 256;

-- peek
SELECT id, data, timestamp, crc, token + 1, attempts + 1, NULL FROM `pq_state_ack_filo_queue_x` JOIN `ack_filo_queue_x` ON `ack_filo_queue_x`._id = `pq_state_ack_filo_queue_x`.id WHERE `pq_state_ack_filo_queue_x`.status = 1 AND (due IS NULL OR due > UNIX_TIMESTAMP(NOW(6))) ORDER BY priority, id DESC LIMIT 1;
