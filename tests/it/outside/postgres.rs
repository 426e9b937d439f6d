//! A real PostgreSQL from Debian, in a folder of its own, on a socket only. It refuses to run as root.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A server that stops with the test. Everybody logs in with a password.
pub(super) struct Postgres {
    folder: TempDir,
    programs: PathBuf,
    as_root: bool,
}

impl Postgres {
    /// Starts one; the superuser is `ada`, with this password.
    pub(super) fn start(password: &str) -> Self {
        let versions =
            std::fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL is missing: run tests/peers/install");
        let programs = versions.map(|version| version.unwrap().path().join("bin")).max().unwrap();
        let id = Command::new("id").arg("-u").output().unwrap();
        let server = Self { folder: tempfile::tempdir().unwrap(), programs, as_root: id.stdout == b"0\n" };
        let folder = server.folder.path();
        std::fs::write(folder.join("password"), password).unwrap();
        if server.as_root {
            let owned = Command::new("chown").args(["-R", "postgres"]).arg(folder).status().unwrap();
            assert!(owned.success());
        }
        let (data, password) = (folder.join("data"), folder.join("password"));
        server.done(
            "initdb",
            &[
                "-U",
                "ada",
                "--auth=scram-sha-256",
                "--no-sync",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
                "-D",
                text(&data),
                "--pwfile",
                text(&password),
            ],
        );
        let options = format!("-k {} -c listen_addresses= -c fsync=off -c timezone=Europe/Berlin", folder.display());
        let log = folder.join("log");
        server.done("pg_ctl", &["start", "-w", "-D", text(&data), "-l", text(&log), "-o", &options]);
        server
    }

    /// The address of its database, without a password.
    pub(super) fn url(&self, user: &str) -> String {
        format!("postgres://{user}@localhost/postgres?host={}", self.folder.path().display())
    }

    fn done(&self, program: &str, arguments: &[&str]) {
        let mut command = if self.as_root {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(self.programs.join(program));
            command
        } else {
            Command::new(self.programs.join(program))
        };
        // A server that goes on must not hold the pipes of this test.
        let output = tempfile::tempfile().unwrap();
        command.current_dir("/").stdout(output.try_clone().unwrap()).stderr(output.try_clone().unwrap());
        let done = command.args(arguments).status().unwrap();
        assert!(done.success(), "{program} {arguments:?} failed");
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let data = self.folder.path().join("data");
        self.done("pg_ctl", &["stop", "-m", "immediate", "-D", text(&data)]);
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
