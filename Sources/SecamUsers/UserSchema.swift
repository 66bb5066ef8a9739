import GRDB

/// The schema of the accounts' database. Released migrations never change; changes are appended as new migrations.
enum UserSchema {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1 users") { db in
            // `state.counter` grows with every change, and each `credentialRevision` is one of its values. A user who is
            // removed and added again therefore never gets an old revision.
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
            // `sequence` grows with each login of a user. The wall clock does not serve: it may be set back.
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
        migrator.registerMigration("4 sessions") { db in
            try db.execute(
                sql: """
                    CREATE TABLE session (
                        id TEXT PRIMARY KEY NOT NULL,
                        user TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE,
                        tokenHash TEXT NOT NULL UNIQUE,
                        credentialRevision INTEGER NOT NULL,
                        created INTEGER NOT NULL,
                        lastUsed INTEGER NOT NULL,
                        address TEXT NOT NULL,
                        client TEXT NOT NULL
                    ) WITHOUT ROWID;
                    """)
        }
        migrator.registerMigration("5 tokens") { db in
            try db.execute(
                sql: """
                    CREATE TABLE token (
                        id TEXT PRIMARY KEY NOT NULL,
                        user TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE,
                        label TEXT NOT NULL,
                        tokenHash TEXT NOT NULL UNIQUE,
                        scopes INTEGER NOT NULL,
                        allCameras INTEGER NOT NULL,
                        created INTEGER NOT NULL,
                        expires INTEGER,
                        lastUsed INTEGER
                    ) WITHOUT ROWID;
                    CREATE TABLE tokenCamera (
                        token TEXT NOT NULL REFERENCES token (id) ON DELETE CASCADE,
                        camera TEXT NOT NULL,
                        PRIMARY KEY (token, camera)
                    ) WITHOUT ROWID;
                    """)
        }
        migrator.registerMigration("6 second factor") { db in
            try db.execute(
                sql: """
                    ALTER TABLE state ADD COLUMN requiresSecondFactor INTEGER NOT NULL DEFAULT 0;
                    ALTER TABLE user ADD COLUMN requiresSecondFactor INTEGER NOT NULL DEFAULT 0;
                    CREATE TABLE secondFactor (
                        user TEXT PRIMARY KEY NOT NULL REFERENCES user (name) ON DELETE CASCADE,
                        secret BLOB NOT NULL,
                        -- The step of the last code that was used: it and earlier ones are not accepted again
                        lastStep INTEGER NOT NULL
                    ) WITHOUT ROWID;
                    CREATE TABLE recoveryCode (
                        user TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE,
                        hash BLOB NOT NULL,
                        PRIMARY KEY (user, hash)
                    ) WITHOUT ROWID;
                    """)
        }
        return migrator
    }
}
