-- unique, mysql: as fifo.sql with other names of tables, but for this

-- the tables
SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = %s;
SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = %s;
CREATE TABLE IF NOT EXISTS `pq_meta` (name VARCHAR(255) PRIMARY KEY, version BIGINT NOT NULL, marks BIGINT NOT NULL, expired BIGINT NOT NULL, returned BIGINT NOT NULL) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE TABLE IF NOT EXISTS `unique_queue_x` (_id BIGINT PRIMARY KEY AUTO_INCREMENT, data LONGBLOB, timestamp DOUBLE, crc BIGINT, owner BIGINT, digest BINARY(32) GENERATED ALWAYS AS (UNHEX(SHA2(data, 256))) STORED, UNIQUE KEY pq_unique (digest), KEY `pq_claim_unique_queue_x` (owner, _id)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE TABLE IF NOT EXISTS `pq_dead_unique_queue_x` (id BIGINT PRIMARY KEY, data LONGBLOB, timestamp DOUBLE, priority BIGINT, crc BIGINT, attempts BIGINT, failed_at DOUBLE, reason LONGTEXT) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `pq_meta` (version, name, marks, expired, returned) VALUES (%s, %s, 0, 0, 0);
