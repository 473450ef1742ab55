"""The audit of a store: triggers that note each writer, each join and death of a node, and each owner of a session.

A note is written in the transaction that it is about. So the commit time of a note is the one of that transaction.
Two more triggers let a test stop a node in the middle of a transaction, or in its commit.
"""

from typing import Final

TABLES: Final = ("sessions", "streams", "events", "tail", "checkpoint_parts", "messages")
"""The tables that only the owner of a session writes."""

_NOTES: Final = """
CREATE SCHEMA audit;
CREATE TABLE audit.writes (role name, of_table text);
CREATE TABLE audit.joins (role name, epoch bigint, name text);
CREATE TABLE audit.deaths (epoch bigint, by_role name);
CREATE TABLE audit.owners (role name, session text, was bigint, becomes bigint);

CREATE FUNCTION audit.write() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF EXISTS (SELECT FROM changed) THEN INSERT INTO audit.writes VALUES (session_user, TG_TABLE_NAME); END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION audit.join() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO audit.joins VALUES (session_user, NEW.epoch, NEW.name);
    RETURN NULL;
END $$;
CREATE FUNCTION audit.death() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.dead_at IS NULL THEN INSERT INTO audit.deaths VALUES (OLD.epoch, session_user); END IF;
    ELSIF OLD.dead_at IS NULL AND NEW.dead_at IS NOT NULL THEN
        INSERT INTO audit.deaths VALUES (NEW.epoch, session_user);
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION audit.owner() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO audit.owners VALUES (session_user, NEW.id, NULL, NEW.node);
    ELSIF OLD.node IS DISTINCT FROM NEW.node THEN
        INSERT INTO audit.owners VALUES (session_user, NEW.id, OLD.node, NEW.node);
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION audit.wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM pg_advisory_xact_lock_shared(77, 0);
    RETURN NULL;
END $$;
CREATE FUNCTION audit.wait_at_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM pg_advisory_xact_lock_shared(77, 1);
    RETURN NULL;
END $$;
CREATE TRIGGER waits AFTER INSERT ON checkpoint_parts FOR EACH ROW EXECUTE FUNCTION audit.wait();
CREATE CONSTRAINT TRIGGER waits_at_commit AFTER INSERT ON checkpoint_parts
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit.wait_at_commit();
CREATE TRIGGER joined AFTER INSERT ON nodes FOR EACH ROW EXECUTE FUNCTION audit.join();
CREATE TRIGGER died AFTER UPDATE OR DELETE ON nodes FOR EACH ROW EXECUTE FUNCTION audit.death();
CREATE TRIGGER owned AFTER INSERT OR UPDATE ON sessions FOR EACH ROW EXECUTE FUNCTION audit.owner();
"""

_WRITES: Final = """
CREATE TRIGGER inserted AFTER INSERT ON {table}
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION audit.write();
CREATE TRIGGER updated AFTER UPDATE ON {table}
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION audit.write();
CREATE TRIGGER deleted AFTER DELETE ON {table}
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION audit.write();
"""

AUDIT: Final = _NOTES + "".join(_WRITES.format(table=table) for table in TABLES)

WRITES_AFTER_DEATH: Final = """
SELECT joins.name, writes.of_table, count(*)
FROM audit.writes AS writes JOIN audit.joins AS joins USING (role) JOIN audit.deaths AS deaths USING (epoch)
WHERE deaths.by_role <> joins.role AND pg_xact_commit_timestamp(writes.xmin) > pg_xact_commit_timestamp(deaths.xmin)
GROUP BY 1, 2
"""
"""The writes that were committed after another node had declared their node dead."""

WRONG_OWNERS: Final = """
SELECT owners.session, joins.name, owners.was, owners.becomes
FROM audit.owners AS owners JOIN audit.joins AS joins USING (role)
WHERE (owners.becomes IS NOT NULL AND owners.becomes <> joins.epoch)
   OR (owners.was IS NOT NULL AND owners.was <> joins.epoch AND NOT EXISTS (
        SELECT FROM audit.deaths AS deaths WHERE deaths.epoch = owners.was
        AND pg_xact_commit_timestamp(deaths.xmin) <= pg_xact_commit_timestamp(owners.xmin)))
"""
"""The sessions that a node took from a living one, or for another one."""

DEATHS: Final = """
SELECT joins.name FROM audit.deaths AS deaths JOIN audit.joins AS joins USING (epoch) WHERE deaths.by_role <> joins.role
"""
"""The nodes that another node declared dead."""

HOLD: Final = "SELECT pg_advisory_lock(77, {place})"
IN_TRANSACTION, AT_COMMIT = 0, 1
"""Where a transaction with a checkpoint waits as long as a test holds this lock: after its rows, or in its commit."""

WAITING: Final = """
SELECT usename FROM pg_stat_activity JOIN pg_locks USING (pid)
WHERE locktype = 'advisory' AND classid = 77 AND objid = {place} AND NOT granted
"""
"""The roles of the nodes that wait there."""
