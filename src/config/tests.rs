use std::time::Duration;

use expect_test::{Expect, expect, expect_file};
use tempfile::TempDir;

use super::*;

struct Case {
    folder: TempDir,
    sources: Sources,
}

impl Case {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sources = Sources { folder: folder.path().to_owned(), ..Sources::default() };
        Self { folder, sources }
    }

    fn file(self, name: &str, text: &str) -> Self {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    fn env(mut self, variable: &str, value: &str) -> Self {
        self.sources.environment.push((variable.to_owned(), value.to_owned()));
        self
    }

    fn flag(mut self, key: &'static str, flag: &'static str, value: &str) -> Self {
        self.sources.flags.push((key, flag, value.to_owned()));
        self
    }

    fn load(&self) -> Config {
        Config::load(&self.sources).unwrap()
    }

    /// Checks what `callboard config` would show of the settings that were set, or the errors.
    fn check(&self, expected: &Expect) {
        let shown = match Config::load(&self.sources) {
            Ok(config) => config
                .effective()
                .filter(|effective| effective.origin != Origin::Default)
                .fold(String::new(), |shown, Effective { key, value, origin, .. }| {
                    shown + &format!("{key} = {value} ({origin})\n")
                }),
            Err(error) => format!("{error}\n"),
        };
        expected.assert_eq(&shown.replace(&self.folder.path().display().to_string(), "FOLDER"));
    }
}

#[test]
fn every_layer_wins_over_the_ones_below() {
    let key = "tools.http.timeout";
    let toml = |span: &str| format!("[tools.http]\ntimeout = \"{span}\"\n");
    let mut case = Case::new();
    assert_eq!(case.load().tools.http.timeout, Duration::from_secs(30));
    case = case.file("callboard.toml", &toml("1s"));
    assert_eq!(case.load().tools.http.timeout, Duration::from_secs(1));
    case = case.file("data/config.toml", &toml("2s"));
    assert_eq!(case.load().tools.http.timeout, Duration::from_secs(2));
    case = case.env("CALLBOARD_TOOLS__HTTP__TIMEOUT", "3s");
    assert_eq!(case.load().tools.http.timeout, Duration::from_secs(3));
    case = case.flag(key, "--timeout", "4s");
    assert_eq!(case.load().tools.http.timeout, Duration::from_secs(4));
}

#[test]
fn every_value_says_where_it_was_set() {
    Case::new()
        .file("callboard.toml", "data = \"here\"\n\n[tools]\nhttp.timeout = \"5s\"\n")
        .file("here/config.toml", "engine.attempts = 7\n\n[tools.files]\nroot = \"docs\"\nmax_bytes = \"2 KiB\"\n")
        .env("CALLBOARD_TOOLS__HTTP__ALLOW", "localhost, 10.0.0.0/8,")
        .env("HOME", "/root")
        .flag("log.level", "--log", "debug")
        .check(&expect![[r#"
            data = "FOLDER/here" (FOLDER/callboard.toml:1)
            log.level = "debug" (flag: --log)
            engine.attempts = 7 (FOLDER/here/config.toml:1)
            tools.http.allow = ["localhost","10.0.0.0/8"] (environment: CALLBOARD_TOOLS__HTTP__ALLOW)
            tools.http.timeout = "5s" (FOLDER/callboard.toml:4)
            tools.files.root = "FOLDER/here/docs" (FOLDER/here/config.toml:4)
            tools.files.max_bytes = 2048 (FOLDER/here/config.toml:5)
        "#]]);
}

#[test]
fn what_has_a_name_of_its_own_has_a_section_of_its_own() {
    let case = Case::new()
        .file(
            "callboard.toml",
            "[tools.sql.books]\nurl = \"sqlite:books.db\"\n[secrets.API_KEY]\ntools = [\"http.request\"]\n",
        )
        .env("CALLBOARD_TOOLS__SQL__BOOKS__WRITE", "true")
        .env("CALLBOARD_SECRETS__API_KEY__HOSTS", "api.example.com")
        .env("CALLBOARD_SECRETS_KEY", "not a setting, and never shown");
    case.check(&expect![[r#"
        tools.sql.books.url = "sqlite:books.db" (FOLDER/callboard.toml:2)
        tools.sql.books.write = true (environment: CALLBOARD_TOOLS__SQL__BOOKS__WRITE)
        secrets.API_KEY.tools = ["http.request"] (FOLDER/callboard.toml:4)
        secrets.api_key.hosts = ["api.example.com"] (environment: CALLBOARD_SECRETS__API_KEY__HOSTS)
    "#]]);
    let config = case.load();
    let books = &config.tools.sql["books"];
    assert_eq!((books.write, books.max_rows, books.timeout), (true, 1000, Duration::from_secs(30)));
    let rule = SecretRule { tools: vec!["http.request".to_owned()], hosts: vec!["api.example.com".to_owned()] };
    assert_eq!(config.secrets.rules, BTreeMap::from([("API_KEY".to_owned(), rule)]));

    Case::new().file("callboard.toml", "[tools.sql.books]\nwrite = 1\nurls = \"x\"\n").check(&expect![[r#"
        FOLDER/callboard.toml:2: tools.sql.books.write: expected true or false, found an integer
        FOLDER/callboard.toml:3: tools.sql.books.urls is not a setting (did you mean tools.sql.books.url?)
    "#]]);
}

#[test]
fn a_tilde_is_the_home_folder() {
    let key_file = |case: Case| case.load().secrets.key_file;
    let default = ".config/callboard/secrets.key";
    assert_eq!(key_file(Case::new().env("HOME", "/home/ada")), Path::new("/home/ada").join(default));
    assert_eq!(key_file(Case::new()), Path::new("~").join(default), "whoever needs it complains");
    let set = Case::new().file("callboard.toml", "[secrets]\nkey_file = \"~/k\"\n").env("HOME", "/home/ada");
    assert_eq!(key_file(set), Path::new("/home/ada/k"));
}

#[test]
fn everything_that_is_wrong_is_reported_at_once_with_its_place() {
    Case::new()
        .file(
            "callboard.toml",
            "dta = \"x\"\n[tools.http]\nalow = []\ntimeout = 3\nmax_bytes = \"1 MB\"\n[tool]\nx = 1\n",
        )
        .file("data/config.toml", "data = \"elsewhere\"\n[engine]\nattempts = 0\n")
        .env("CALLBOARD_TOOLS__HTTP__TIMEOUT", "soon")
        .env("CALLBOARD_DATTA", "x")
        .flag("log.format", "--log-format", "xml")
        .check(&expect![[r#"
            FOLDER/callboard.toml:1: dta is not a setting (did you mean data?)
            FOLDER/callboard.toml:3: tools.http.alow is not a setting (did you mean tools.http.allow?)
            FOLDER/callboard.toml:4: tools.http.timeout: expected a text in quotes, found an integer
            FOLDER/callboard.toml:5: tools.http.max_bytes: "1 MB" is not a number of bytes such as 65536, 64 KiB or 4 MiB
            FOLDER/callboard.toml:6: tool is not a setting (did you mean tools?)
            FOLDER/data/config.toml:1: the data folder's own file cannot say where the data folder is (set it in callboard.toml or by CALLBOARD_DATA)
            FOLDER/data/config.toml:3: engine.attempts: "0" is not a whole number of at least 1
            environment: CALLBOARD_TOOLS__HTTP__TIMEOUT: tools.http.timeout: "soon" is not a time span such as 500ms, 30s or 5m
            environment: CALLBOARD_DATTA: CALLBOARD_DATTA is not a setting (did you mean CALLBOARD_DATA?)
            flag: --log-format: log.format: "xml" is none of text, json
        "#]]);
}

#[test]
fn variables_that_only_share_the_prefix_are_left_alone() {
    let case = Case::new()
        .env("CALLBOARD_SERVICE_HOST", "10.0.0.1")
        .env("CALLBOARD_PORT", "tcp://10.0.0.1:80")
        .env("CALLBOARD_PORT_80_TCP_ADDR", "10.0.0.1")
        .env("CALLBOARD_SEED", "7");
    assert!(case.load().effective().all(|effective| effective.origin == Origin::Default));
}

#[test]
fn a_file_that_is_not_toml_is_named_with_line_and_column() {
    Case::new().file("callboard.toml", "data = \"x\"\nlog = = 3\n").check(&expect![[r#"
        FOLDER/callboard.toml:2: extra `=`, expected nothing
    "#]]);
}

#[test]
fn a_file_that_was_asked_for_must_be_there() {
    let mut case = Case::new();
    case.sources.file = Some("missing.toml".into());
    case.check(&expect![[r#"
        FOLDER/missing.toml:1: the configuration file cannot be read: No such file or directory (os error 2)
    "#]]);
}

#[test]
fn the_example_holds_every_setting_with_its_default() {
    let example = Config::example();
    expect_file!["../../config/callboard.toml"].assert_eq(&example);

    let all_set: String = example
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(setting) if setting.starts_with(|c: char| c.is_ascii_lowercase() || c == '[') => {
                format!("{setting}\n")
            }
            // What has a name of its own in a section of its own.
            Some(setting) if setting.starts_with("NAME = ") => format!("{setting}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let case = Case::new();
    let untouched: Vec<_> = case.load().effective().map(|e| (e.key, e.value)).collect();
    let case = case.file("callboard.toml", &all_set);
    let is_named = |key: &str| key.split('.').any(|part| part == "NAME");
    let from_file: Vec<_> = case.load().effective().filter(|e| !is_named(&e.key)).map(|e| (e.key, e.value)).collect();
    assert_eq!(from_file, untouched);
    assert!(case.load().mcp.contains_key("NAME"));
    assert!(case.load().effective().all(|effective| effective.origin != Origin::Default));
}

#[test]
fn what_is_likely_a_password_is_not_shown() {
    let file = "[mcp.disk]\ncommand = [\"x\"]\nenv = { TOKEN = \"canary\" }\n[mcp.web]\nheaders = { Authorization = \"canary\" }\n\
                [tools.sql.books]\nurl = \"postgres://reader:canary@db/books\"\n";
    let config = Case::new().file("callboard.toml", file).load();
    let shown = serde_json::to_string(&config.effective().collect::<Vec<_>>()).unwrap();
    assert!(!shown.contains("canary"), "{shown}");
    assert!(shown.contains("postgres://reader:***@db/books"), "{shown}");
    assert_eq!(config.mcp["disk"].env["TOKEN"], "canary");
}
