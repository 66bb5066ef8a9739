import GRDB

/// The tables of the accounts' file. A migration that was released is never changed: the next one is appended.
enum UserSchema {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1 users") { db in
            // `state.counter` grows with every change, and each `credentialRevision` is a value of it, so that a
            // user who is removed and added again never gets an old revision back.
            try db.execute(
                sql: """
                    CREATE TABLE state (
                        id INTEGER PRIMARY KEY CHECK (id = 1),
                        counter INTEGER NOT NULL
                    );
                    INSERT INTO state VALUES (1, 0);
                    CREATE TABLE user (
                        name TEXT PRIMARY KEY NOT NULL,
                        passwordHash TEXT NOT NULL,
                        role INTEGER NOT NULL,
                        allCameras INTEGER NOT NULL,
                        disabled INTEGER NOT NULL,
                        credentialRevision INTEGER NOT NULL
                    ) WITHOUT ROWID;
                    CREATE TABLE grantedCamera (
                        user TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE,
                        camera TEXT NOT NULL,
                        PRIMARY KEY (user, camera)
                    ) WITHOUT ROWID;
                    """)
        }
        migrator.registerMigration("2 earlier logins") { db in
            try db.execute(
                sql: """
                    CREATE TABLE loginNetwork (
                        user TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE,
                        network TEXT NOT NULL,
                        lastLogin INTEGER NOT NULL,
                        PRIMARY KEY (user, network)
                    ) WITHOUT ROWID;
                    CREATE TABLE device (
                        user TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE,
                        tokenHash TEXT NOT NULL,
                        lastLogin INTEGER NOT NULL,
                        PRIMARY KEY (user, tokenHash)
                    ) WITHOUT ROWID;
                    """)
        }
        migrator.registerMigration("3 order of logins") { db in
            // Grows with each login of a user; the wall clock may be set back.
            for (table, key) in [("loginNetwork", "network"), ("device", "tokenHash")] {
                try db.execute(
                    sql: """
                        ALTER TABLE \(table) ADD COLUMN sequence INTEGER NOT NULL DEFAULT 0;
                        UPDATE \(table) SET sequence = (
                            SELECT COUNT(*) FROM \(table) AS other WHERE other.user = \(table).user
                            AND (other.lastLogin, other.\(key)) <= (\(table).lastLogin, \(table).\(key)));
                        """)
            }
        }
        return migrator
    }
}
