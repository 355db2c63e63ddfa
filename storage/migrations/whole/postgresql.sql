CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL,
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

CREATE TABLE ring (
	id SERIAL NOT NULL,
	key_check BYTEA NOT NULL,
	CONSTRAINT pk_ring PRIMARY KEY (id)
);

CREATE TABLE inbox (
	key BYTEA NOT NULL,
	address_key BYTEA NOT NULL,
	received_at TIMESTAMP WITH TIME ZONE NOT NULL,
	answer BYTEA NOT NULL,
	CONSTRAINT pk_inbox PRIMARY KEY (key)
);

CREATE INDEX ix_inbox_received_at ON inbox (received_at);

CREATE TABLE conversations (
	address_key BYTEA NOT NULL,
	state BYTEA NOT NULL,
	updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
	heard_at TIMESTAMP WITH TIME ZONE,
	CONSTRAINT pk_conversations PRIMARY KEY (address_key)
);

CREATE TABLE citizens (
	id SERIAL NOT NULL,
	identity_key BYTEA NOT NULL,
	profile BYTEA NOT NULL,
	phone_key BYTEA,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_citizens PRIMARY KEY (id),
	CONSTRAINT uq_citizens_identity_key UNIQUE (identity_key)
);

CREATE INDEX ix_citizens_phone_key ON citizens (phone_key);

CREATE TABLE addresses (
	id SERIAL NOT NULL,
	key BYTEA NOT NULL,
	channel VARCHAR NOT NULL,
	address BYTEA NOT NULL,
	citizen_id INTEGER,
	locale VARCHAR NOT NULL,
	opted_out_at TIMESTAMP WITH TIME ZONE,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_addresses PRIMARY KEY (id),
	CONSTRAINT uq_addresses_key UNIQUE (key),
	CONSTRAINT fk_addresses_citizen_id FOREIGN KEY(citizen_id) REFERENCES citizens (id)
);

CREATE INDEX ix_addresses_citizen_id ON addresses (citizen_id);

CREATE TABLE cards (
	id SERIAL NOT NULL,
	number_key BYTEA NOT NULL,
	number BYTEA NOT NULL,
	personalised BOOLEAN,
	suspended_at TIMESTAMP WITH TIME ZONE,
	status VARCHAR NOT NULL,
	cause VARCHAR NOT NULL,
	changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_cards PRIMARY KEY (id),
	CONSTRAINT uq_cards_number_key UNIQUE (number_key)
);

CREATE INDEX ix_cards_status ON cards (status);

CREATE TABLE links (
	id SERIAL NOT NULL,
	card_id INTEGER NOT NULL,
	citizen_id INTEGER NOT NULL,
	address_id INTEGER NOT NULL,
	hes_key BYTEA NOT NULL,
	hes_code BYTEA NOT NULL,
	linked_at TIMESTAMP WITH TIME ZONE NOT NULL,
	ended_at TIMESTAMP WITH TIME ZONE,
	end_cause VARCHAR,
	verdict VARCHAR NOT NULL,
	checked_at TIMESTAMP WITH TIME ZONE,
	valid_until TIMESTAMP WITH TIME ZONE,
	CONSTRAINT pk_links PRIMARY KEY (id),
	CONSTRAINT fk_links_card_id FOREIGN KEY(card_id) REFERENCES cards (id),
	CONSTRAINT fk_links_citizen_id FOREIGN KEY(citizen_id) REFERENCES citizens (id),
	CONSTRAINT fk_links_address_id FOREIGN KEY(address_id) REFERENCES addresses (id)
);

CREATE INDEX ix_links_card_id ON links (card_id);

CREATE INDEX ix_links_citizen_id ON links (citizen_id);

CREATE INDEX ix_links_address_id ON links (address_id);

CREATE UNIQUE INDEX uq_links_open_card ON links (card_id) WHERE ended_at IS NULL;

CREATE INDEX ix_links_open_code ON links (hes_key) WHERE ended_at IS NULL;

CREATE TABLE card_history (
	id SERIAL NOT NULL,
	card_id INTEGER NOT NULL,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	status VARCHAR NOT NULL,
	cause VARCHAR NOT NULL,
	link_id INTEGER,
	CONSTRAINT pk_card_history PRIMARY KEY (id),
	CONSTRAINT fk_card_history_card_id FOREIGN KEY(card_id) REFERENCES cards (id),
	CONSTRAINT fk_card_history_link_id FOREIGN KEY(link_id) REFERENCES links (id)
);

CREATE INDEX ix_card_history_card_id ON card_history (card_id);

CREATE INDEX ix_card_history_link_id ON card_history (link_id);

CREATE TABLE consents (
	id SERIAL NOT NULL,
	address_id INTEGER NOT NULL,
	citizen_id INTEGER,
	document VARCHAR NOT NULL,
	version VARCHAR NOT NULL,
	locale VARCHAR NOT NULL,
	sha256 VARCHAR NOT NULL,
	channel VARCHAR NOT NULL,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	withdrawn_at TIMESTAMP WITH TIME ZONE,
	CONSTRAINT pk_consents PRIMARY KEY (id),
	CONSTRAINT fk_consents_address_id FOREIGN KEY(address_id) REFERENCES addresses (id),
	CONSTRAINT fk_consents_citizen_id FOREIGN KEY(citizen_id) REFERENCES citizens (id)
);

CREATE INDEX ix_consents_address_id ON consents (address_id);

CREATE INDEX ix_consents_citizen_id ON consents (citizen_id);

INSERT INTO alembic_version (version_num) VALUES ('0001') RETURNING alembic_version.version_num;

ALTER TABLE conversations ADD COLUMN step VARCHAR DEFAULT '' NOT NULL;

CREATE INDEX ix_conversations_open_heard_at ON conversations (heard_at, address_key) WHERE step <> '';

ALTER TABLE addresses ADD COLUMN reminders_off_at TIMESTAMP WITH TIME ZONE;

ALTER TABLE addresses ADD COLUMN blocked_at TIMESTAMP WITH TIME ZONE;

ALTER TABLE cards ADD COLUMN suspended_until TIMESTAMP WITH TIME ZONE;

CREATE INDEX ix_cards_changed_at ON cards (changed_at, id);

CREATE INDEX ix_links_open_until ON links (valid_until, id) WHERE ended_at IS NULL;

CREATE TABLE suspensions (
	id SERIAL NOT NULL,
	card_id INTEGER NOT NULL,
	hes_key BYTEA NOT NULL,
	started_at TIMESTAMP WITH TIME ZONE NOT NULL,
	until TIMESTAMP WITH TIME ZONE,
	ended_at TIMESTAMP WITH TIME ZONE,
	end_cause VARCHAR,
	CONSTRAINT pk_suspensions PRIMARY KEY (id),
	CONSTRAINT fk_suspensions_card_id FOREIGN KEY(card_id) REFERENCES cards (id)
);

CREATE INDEX ix_suspensions_card_id ON suspensions (card_id);

CREATE UNIQUE INDEX uq_suspensions_open ON suspensions (card_id, hes_key) WHERE ended_at IS NULL;

CREATE INDEX ix_suspensions_open_code ON suspensions (hes_key) WHERE ended_at IS NULL;

CREATE INDEX ix_suspensions_open_until ON suspensions (until) WHERE ended_at IS NULL;

CREATE TABLE risks (
	hes_key BYTEA NOT NULL,
	hes_code BYTEA,
	risky BOOLEAN NOT NULL,
	changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
	until TIMESTAMP WITH TIME ZONE,
	updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_risks PRIMARY KEY (hes_key)
);

CREATE INDEX ix_risks_updated_at ON risks (updated_at);

CREATE TABLE risk_changes (
	id_key BYTEA NOT NULL,
	received_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_risk_changes PRIMARY KEY (id_key)
);

CREATE INDEX ix_risk_changes_received_at ON risk_changes (received_at);

CREATE TABLE deliveries (
	id BIGSERIAL NOT NULL,
	key VARCHAR NOT NULL,
	kind VARCHAR NOT NULL,
	urgency INTEGER NOT NULL,
	channel VARCHAR NOT NULL,
	address_id INTEGER NOT NULL,
	card_id INTEGER,
	link_id INTEGER,
	about VARCHAR NOT NULL,
	state VARCHAR NOT NULL,
	cause VARCHAR NOT NULL,
	due_at TIMESTAMP WITH TIME ZONE NOT NULL,
	expires_at TIMESTAMP WITH TIME ZONE,
	attempts INTEGER NOT NULL,
	repeats INTEGER NOT NULL,
	worker VARCHAR,
	rest_until TIMESTAMP WITH TIME ZONE,
	provider_id VARCHAR,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	sent_at TIMESTAMP WITH TIME ZONE,
	updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_deliveries PRIMARY KEY (id),
	CONSTRAINT uq_deliveries_key UNIQUE (key),
	CONSTRAINT fk_deliveries_address_id FOREIGN KEY(address_id) REFERENCES addresses (id),
	CONSTRAINT fk_deliveries_card_id FOREIGN KEY(card_id) REFERENCES cards (id),
	CONSTRAINT fk_deliveries_link_id FOREIGN KEY(link_id) REFERENCES links (id)
);

CREATE INDEX ix_deliveries_address_id ON deliveries (address_id);

CREATE INDEX ix_deliveries_card_id ON deliveries (card_id);

CREATE INDEX ix_deliveries_link_id ON deliveries (link_id);

CREATE INDEX ix_deliveries_pending ON deliveries (channel, urgency, due_at, id) WHERE state = 'pending';

CREATE INDEX ix_deliveries_sending ON deliveries (rest_until) WHERE state = 'sending';

CREATE INDEX ix_deliveries_unknown ON deliveries (rest_until) WHERE state = 'unknown';

CREATE INDEX ix_deliveries_held ON deliveries (channel) WHERE state = 'held';

CREATE INDEX ix_deliveries_provider_id ON deliveries (provider_id) WHERE provider_id IS NOT NULL;

CREATE TABLE paces (
	name VARCHAR NOT NULL,
	tat FLOAT(53) NOT NULL,
	paused_until FLOAT(53) DEFAULT '0' NOT NULL,
	CONSTRAINT pk_paces PRIMARY KEY (name)
);

CREATE TABLE contents (
	name VARCHAR NOT NULL,
	sid VARCHAR NOT NULL,
	approval VARCHAR NOT NULL,
	updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_contents PRIMARY KEY (name)
);

CREATE TABLE imports (
	fingerprint VARCHAR NOT NULL,
	position BIGINT NOT NULL,
	line BIGINT NOT NULL,
	added BIGINT NOT NULL,
	changed BIGINT NOT NULL,
	known BIGINT NOT NULL,
	bad BIGINT NOT NULL,
	updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
	finished_at TIMESTAMP WITH TIME ZONE,
	CONSTRAINT pk_imports PRIMARY KEY (fingerprint)
);

CREATE TABLE reports (
	id SERIAL NOT NULL,
	from_at TIMESTAMP WITH TIME ZONE NOT NULL,
	to_at TIMESTAMP WITH TIME ZONE NOT NULL,
	made_at TIMESTAMP WITH TIME ZONE NOT NULL,
	attempts INTEGER NOT NULL,
	sha256 VARCHAR NOT NULL,
	content BYTEA NOT NULL,
	CONSTRAINT pk_reports PRIMARY KEY (id)
);

CREATE TABLE boardings (
	id SERIAL NOT NULL,
	key BYTEA NOT NULL,
	card_id INTEGER NOT NULL,
	validator_id VARCHAR NOT NULL,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	received_at TIMESTAMP WITH TIME ZONE NOT NULL,
	report_id INTEGER,
	CONSTRAINT pk_boardings PRIMARY KEY (id),
	CONSTRAINT uq_boardings_key UNIQUE (key),
	CONSTRAINT fk_boardings_card_id FOREIGN KEY(card_id) REFERENCES cards (id),
	CONSTRAINT fk_boardings_report_id FOREIGN KEY(report_id) REFERENCES reports (id)
);

CREATE INDEX ix_boardings_card_id ON boardings (card_id);

CREATE INDEX ix_boardings_report_id ON boardings (report_id);

CREATE INDEX ix_boardings_unreported ON boardings (at) WHERE report_id IS NULL;

UPDATE alembic_version SET version_num='0002' WHERE alembic_version.version_num = '0001';

CREATE TABLE staff (
	id SERIAL NOT NULL,
	name VARCHAR NOT NULL,
	folded VARCHAR NOT NULL,
	role VARCHAR NOT NULL,
	password VARCHAR NOT NULL,
	secret BYTEA NOT NULL,
	last_step BIGINT NOT NULL,
	failures INTEGER NOT NULL,
	locked_until TIMESTAMP WITH TIME ZONE,
	address_id INTEGER,
	link_key BYTEA,
	link_until TIMESTAMP WITH TIME ZONE,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	left_at TIMESTAMP WITH TIME ZONE,
	CONSTRAINT pk_staff PRIMARY KEY (id),
	CONSTRAINT uq_staff_folded UNIQUE (folded),
	CONSTRAINT uq_staff_address_id UNIQUE (address_id),
	CONSTRAINT uq_staff_link_key UNIQUE (link_key),
	CONSTRAINT fk_staff_address_id FOREIGN KEY(address_id) REFERENCES addresses (id)
);

CREATE TABLE visits (
	key BYTEA NOT NULL,
	staff_id INTEGER NOT NULL,
	began_at TIMESTAMP WITH TIME ZONE NOT NULL,
	seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
	ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_visits PRIMARY KEY (key),
	CONSTRAINT fk_visits_staff_id FOREIGN KEY(staff_id) REFERENCES staff (id)
);

CREATE INDEX ix_visits_staff_id ON visits (staff_id);

CREATE TABLE audit (
	id BIGINT NOT NULL,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	who VARCHAR NOT NULL,
	act VARCHAR NOT NULL,
	subject VARCHAR NOT NULL,
	detail BYTEA NOT NULL,
	before BYTEA NOT NULL,
	hash BYTEA NOT NULL,
	CONSTRAINT pk_audit PRIMARY KEY (id)
);

CREATE INDEX ix_audit_subject ON audit (subject, id);

CREATE INDEX ix_audit_at ON audit (at, id);

CREATE TABLE broadcasts (
	id SERIAL NOT NULL,
	title VARCHAR NOT NULL,
	stage VARCHAR NOT NULL,
	urgent BOOLEAN NOT NULL,
	texts VARCHAR NOT NULL,
	templates VARCHAR NOT NULL,
	audience VARCHAR NOT NULL,
	resend_unknown BOOLEAN NOT NULL,
	failure_limit FLOAT(53) NOT NULL,
	author_id INTEGER NOT NULL,
	version INTEGER NOT NULL,
	starts_at TIMESTAMP WITH TIME ZONE,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
	approved_at TIMESTAMP WITH TIME ZONE,
	started_at TIMESTAMP WITH TIME ZONE,
	ended_at TIMESTAMP WITH TIME ZONE,
	last_address INTEGER,
	as_of TIMESTAMP WITH TIME ZONE,
	reached INTEGER NOT NULL,
	planned INTEGER NOT NULL,
	left_out VARCHAR NOT NULL,
	planned_at TIMESTAMP WITH TIME ZONE,
	pause_cause VARCHAR NOT NULL,
	counted VARCHAR NOT NULL,
	counted_at TIMESTAMP WITH TIME ZONE,
	baseline VARCHAR NOT NULL,
	running_since TIMESTAMP WITH TIME ZONE,
	CONSTRAINT pk_broadcasts PRIMARY KEY (id),
	CONSTRAINT fk_broadcasts_author_id FOREIGN KEY(author_id) REFERENCES staff (id)
);

CREATE INDEX ix_broadcasts_stage ON broadcasts (stage, id);

CREATE TABLE approvals (
	broadcast_id INTEGER NOT NULL,
	staff_id INTEGER NOT NULL,
	version INTEGER NOT NULL,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_approvals PRIMARY KEY (broadcast_id, staff_id),
	CONSTRAINT fk_approvals_broadcast_id FOREIGN KEY(broadcast_id) REFERENCES broadcasts (id),
	CONSTRAINT fk_approvals_staff_id FOREIGN KEY(staff_id) REFERENCES staff (id)
);

CREATE TABLE samples (
	broadcast_id INTEGER NOT NULL,
	channel VARCHAR NOT NULL,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	settled INTEGER NOT NULL,
	sent INTEGER NOT NULL,
	CONSTRAINT pk_samples PRIMARY KEY (broadcast_id, channel, at),
	CONSTRAINT fk_samples_broadcast_id FOREIGN KEY(broadcast_id) REFERENCES broadcasts (id)
);

ALTER TABLE deliveries ADD COLUMN broadcast_id INTEGER;

DROP INDEX ix_deliveries_pending;

DROP INDEX ix_deliveries_held;

CREATE INDEX ix_deliveries_pending ON deliveries (channel, urgency, due_at, id) WHERE state = 'pending' AND broadcast_id IS NULL;

CREATE INDEX ix_deliveries_broadcast ON deliveries (broadcast_id, channel, due_at, id) WHERE state = 'pending' AND broadcast_id IS NOT NULL;

CREATE INDEX ix_deliveries_outcomes ON deliveries (broadcast_id, channel, state, cause);

CREATE TABLE marks (
	hour TIMESTAMP WITH TIME ZONE NOT NULL,
	name VARCHAR NOT NULL,
	count BIGINT NOT NULL,
	CONSTRAINT pk_marks PRIMARY KEY (hour, name)
);

UPDATE alembic_version SET version_num='0003' WHERE alembic_version.version_num = '0002';

CREATE TABLE erasures (
	id SERIAL NOT NULL,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	way VARCHAR NOT NULL,
	counts VARCHAR NOT NULL,
	staying VARCHAR NOT NULL,
	CONSTRAINT pk_erasures PRIMARY KEY (id)
);

CREATE INDEX ix_erasures_at ON erasures (at);

CREATE TABLE passages (
	key BYTEA NOT NULL,
	used_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_passages PRIMARY KEY (key)
);

CREATE INDEX ix_passages_used_at ON passages (used_at);

CREATE INDEX ix_inbox_address_key ON inbox (address_key);

UPDATE alembic_version SET version_num='0004' WHERE alembic_version.version_num = '0003'
