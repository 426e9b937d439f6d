use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::json;

use super::*;
use crate::clock::ManualClock;
use crate::store::WorkspaceId;
use crate::store::fixtures::{Fixture, fixture};

fn name(text: &str) -> SecretName {
    text.parse().unwrap()
}

fn key(byte: u8) -> String {
    STANDARD.encode([byte; 32])
}

fn given(keys: &str) -> KeyPlace {
    KeyPlace::Given(SecretString::from(keys))
}

fn secrets(fixture: &Fixture, place: KeyPlace) -> Secrets {
    let clock = Arc::new(ManualClock::at(Timestamp(7)));
    Secrets::new(fixture.workspace.secrets(), place, SecretRules::default(), clock)
}

async fn get(secrets: &Secrets, of: &str) -> Result<String, SecretsError> {
    let value = secrets.get(&name(of), &mut Mask::new()).await?;
    Ok(value.expose_secret().to_owned())
}

#[tokio::test]
async fn a_secret_is_set_replaced_listed_and_removed() {
    let fixture = fixture().await;
    let secrets = secrets(&fixture, given(&key(1)));
    assert!(matches!(get(&secrets, "A").await, Err(SecretsError::Missing(_))));
    for value in ["first value", "zweiter Wert, mit ä\nund Zeile"] {
        secrets.set(&name("A"), &value.into()).await.unwrap();
        assert_eq!(get(&secrets, "A").await.unwrap(), value);
    }
    let head = SecretHead { name: "A".to_owned(), set_at: Timestamp(7), readable: true };
    assert_eq!(secrets.list().await.unwrap(), [head]);
    secrets.remove(&name("A")).await.unwrap();
    assert!(matches!(secrets.remove(&name("A")).await, Err(SecretsError::Missing(_))));
    for value in ["", "abc", &"x".repeat(LONGEST + 1)] {
        assert!(matches!(secrets.set(&name("A"), &value.into()).await, Err(SecretsError::BadValue { .. })));
    }
}

#[test]
fn names_are_those_of_environment_variables_in_upper_case() {
    for good in ["A", "API_KEY", "A1", &"A".repeat(64)] {
        assert!(good.parse::<SecretName>().is_ok(), "{good}");
    }
    for bad in ["", "a", "1A", "_A", "A-B", "A.B", "Ä", "A B", &"A".repeat(65)] {
        assert!(bad.parse::<SecretName>().is_err(), "{bad}");
    }
}

#[tokio::test]
async fn what_is_stored_opens_with_its_key_in_its_row_and_workspace_alone() {
    let fixture = fixture().await;
    let ours = secrets(&fixture, given(&key(1)));
    ours.set(&name("A"), &"value of a".into()).await.unwrap();
    ours.set(&name("B"), &"value of b".into()).await.unwrap();
    let rows = fixture.workspace.secrets();
    let (a, b) = (rows.get("A").await.unwrap().unwrap(), rows.get("B").await.unwrap().unwrap());
    assert!(!a.sealed.windows(5).any(|window| window == b"value"));

    // Sealed again, it is another text: the nonce is fresh.
    ours.set(&name("A"), &"value of a".into()).await.unwrap();
    assert_ne!(rows.get("A").await.unwrap().unwrap().sealed, a.sealed);

    // The rows swapped.
    let swapped = [SealedSecret { name: "B".into(), ..a.clone() }, SealedSecret { name: "A".into(), ..b }];
    rows.put(&swapped).await.unwrap();
    assert!(matches!(get(&ours, "A").await, Err(SecretsError::Damaged(_))));
    // One bit changed, or cut off.
    for sealed in [
        {
            let mut s = a.sealed.clone();
            s[30] ^= 1;
            s
        },
        a.sealed[..20].to_vec(),
        Vec::new(),
    ] {
        rows.put(&[SealedSecret { sealed, ..a.clone() }]).await.unwrap();
        assert!(matches!(get(&ours, "A").await, Err(SecretsError::Damaged(_))));
    }
    // In another workspace.
    let elsewhere = fixture.store.workspace("other".parse::<WorkspaceId>().unwrap()).secrets();
    elsewhere.put(std::slice::from_ref(&a)).await.unwrap();
    let clock = Arc::new(ManualClock::at(Timestamp(7)));
    let theirs = Secrets::new(elsewhere, given(&key(1)), SecretRules::default(), clock);
    assert!(matches!(get(&theirs, "A").await, Err(SecretsError::Damaged(_))));
    // With another key.
    rows.put(&[a]).await.unwrap();
    let error = get(&secrets(&fixture, given(&key(2))), "A").await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("CALLBOARD_SECRETS_KEY does not hold") && text.contains("secrets set A"), "{text}");
    assert!(!secrets(&fixture, given(&key(2))).list().await.unwrap()[0].readable);
    assert_eq!(get(&ours, "A").await.unwrap(), "value of a");
}

#[tokio::test]
async fn the_key_file_is_made_for_its_owner_alone_and_a_lost_one_is_told_of() {
    use std::os::unix::fs::PermissionsExt as _;

    let fixture = fixture().await;
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("made/on/the way/secrets.key");
    let ours = secrets(&fixture, KeyPlace::File(file.clone()));
    assert_eq!(ours.list().await.unwrap(), []);
    assert!(!file.exists(), "looking makes no key");
    ours.set(&name("A"), &"value of a".into()).await.unwrap();
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));

    let kept = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    let text = get(&ours, "A").await.unwrap_err().to_string();
    assert!(text.contains(&file.display().to_string()) && text.contains("bring that key back"), "{text}");
    std::fs::write(&file, "rubbish\n").unwrap();
    for error in [get(&ours, "A").await.unwrap_err(), ours.set(&name("B"), &"value".into()).await.unwrap_err()] {
        assert!(
            matches!(&error, SecretsError::BadKey { .. }) && error.to_string().contains("32 random bytes"),
            "{error}"
        );
    }
    std::fs::write(&file, kept).unwrap();
    assert_eq!(get(&ours, "A").await.unwrap(), "value of a");

    let nowhere = secrets(&fixture, KeyPlace::File("~/secrets.key".into()));
    let text = nowhere.set(&name("A"), &"value".into()).await.unwrap_err().to_string();
    assert!(text.contains("no home folder") && text.contains("secrets.key_file"), "{text}");
}

#[tokio::test]
async fn rekeying_seals_everything_anew_and_forgets_no_key() {
    let fixture = fixture().await;
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("secrets.key");
    let ours = secrets(&fixture, KeyPlace::File(file.clone()));
    for of in ["A", "B"] {
        ours.set(&name(of), &format!("value of {of}").into()).await.unwrap();
    }
    let rows = fixture.workspace.secrets();
    let before = rows.list().await.unwrap();
    assert_eq!(ours.rekey().await.unwrap(), Rekeyed { secrets: 2, file: Some(file.clone()) });
    let after = rows.list().await.unwrap();
    assert!(before.iter().zip(&after).all(|(old, new)| old.key != new.key && old.set_at == new.set_at));
    assert_eq!(get(&ours, "B").await.unwrap(), "value of B");
    // An old copy of the database still opens.
    rows.put(&before).await.unwrap();
    assert_eq!(get(&ours, "B").await.unwrap(), "value of B");

    // From the environment: the first key seals, all of them open.
    let keys = std::fs::read_to_string(&file).unwrap();
    let old: Vec<&str> = keys.lines().filter(|line| !line.starts_with('#')).collect();
    let both = secrets(&fixture, given(&format!("{},{}", key(9), old.join(","))));
    assert_eq!(both.rekey().await.unwrap(), Rekeyed { secrets: 2, file: None });
    assert!(matches!(both.rekey().await, Err(SecretsError::NoNewKey)));
    assert_eq!(get(&secrets(&fixture, given(&key(9))), "A").await.unwrap(), "value of A");
    // Without the key nothing is rekeyed, and nothing is lost.
    assert!(matches!(secrets(&fixture, given(&key(8))).rekey().await, Err(SecretsError::OtherKey { .. })));
    assert_eq!(get(&both, "A").await.unwrap(), "value of A");
}

#[test]
fn a_secret_goes_only_where_the_rules_say() {
    let mut rules = SecretRules::default();
    let list = |entries: &[&str]| entries.iter().map(|entry| (*entry).to_owned()).collect::<Vec<_>>();
    let hosts =
        list(&["api.example.com", "*.example.org", "other.net:8443", "http://127.0.0.1:8080", "bücher.example"]);
    rules.allow(name("A"), &list(&["http.request", "mail.*"]), &hosts).unwrap();
    rules.allow(name("B"), &[], &hosts).unwrap();
    let goes = |of: &str, tool: &str, url: &str| rules.check(&name(of), tool, &Url::parse(url).unwrap()).is_ok();
    for url in [
        "https://api.example.com/x?y",
        "https://API.example.com:443/",
        "https://api.example.com./",
        "https://a.example.org/",
        "https://a.b.example.org/",
        "https://other.net:8443/",
        "http://127.0.0.1:8080/",
        "https://xn--bcher-kva.example/",
    ] {
        assert!(goes("A", "http.request", url), "{url}");
    }
    for url in [
        "http://api.example.com/",
        "https://api.example.com:8443/",
        "https://api.example.com.evil.net/",
        "https://evil.net/api.example.com",
        "https://evilapi.example.com/",
        "https://api.example.com@evil.net/",
        "https://example.org/",
        "https://evilexample.org/",
        "https://other.net/",
        "https://127.0.0.1:8080/",
        "http://127.0.0.1/",
    ] {
        assert!(!goes("A", "http.request", url), "{url}");
    }
    let there = "https://api.example.com/";
    assert!(goes("A", "mail.send", there));
    assert!(
        !goes("A", "webhook.send", there) && !goes("B", "http.request", there) && !goes("C", "http.request", there)
    );
    let refused = rules.check(&name("A"), "http.request", &Url::parse("https://evil.net/path?q").unwrap()).unwrap_err();
    let text = refused.to_string();
    assert!(text.contains("https://evil.net;") && text.contains("[secrets.A]") && !text.contains("path"), "{text}");
    for bad in ["", "a b", "ftp://x", "https://u@x", "x/path", "https://x/", "*", "a.*.b", "x?y"] {
        assert!(rules.allow(name("A"), &[], &list(&[bad])).is_err(), "{bad}");
    }
}

const CANARY: &str = "kä/n+r \"&<%20\\'7";

fn mask_of(value: &str) -> Mask {
    let mut mask = Mask::new();
    mask.learn(&name("A"), &value.into());
    mask
}

#[test]
fn a_secret_is_taken_out_in_every_usual_form() {
    let mask = mask_of(CANARY);
    let hex = CANARY.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    let percent: String = CANARY.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
    let ascii: String = CANARY.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect::<Vec<_>>().concat();
    let json = json!(CANARY).to_string();
    let html = CANARY.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;").replace('\'', "&#39;");
    for form in [
        CANARY.to_owned(),
        json[1..json.len() - 1].to_owned(),
        json[1..json.len() - 1].replace('/', "\\/"),
        json[1..json.len() - 1].replace('ä', "\\u00E4"),
        ascii,
        url::form_urlencoded::byte_serialize(CANARY.as_bytes()).collect(),
        percent.clone(),
        percent.to_lowercase(),
        html,
        hex.to_uppercase(),
        hex,
    ] {
        assert_eq!(mask.text(&format!("before {form} after")), "before [secret A] after", "{form}");
        assert_eq!(mask.text(&form.repeat(2)), "[secret A][secret A]", "{form}");
    }
    // In Base64 only what depends on the secret alone is known: up to one character at either end is left.
    for before in ["", "u:", "user:", "\0u\0"] {
        for after in ["", "!", "!!"] {
            for engine in [&STANDARD, &URL_SAFE] {
                let encoded = engine.encode(format!("{before}{CANARY}{after}"));
                let shown = mask.text(&format!("Basic {encoded}"));
                let kept = shown.replace("Basic ", "").replace("[secret A]", "");
                let around = (before.len() + after.len()) * 8 / 6 + 6;
                assert!(shown.contains("[secret A]") && kept.len() <= around, "{encoded}: {shown}");
            }
        }
    }
    assert_eq!(
        mask.text("kä/n+r is another text, %2, \\u, &amp and so on"),
        "kä/n+r is another text, %2, \\u, &amp and so on"
    );
    assert_eq!(Mask::new().text(CANARY), CANARY);
}

#[test]
fn a_secret_is_taken_out_of_values_and_of_texts_that_were_cut() {
    let mask = mask_of("83746501");
    let value = json!({ "83746501": ["x83746501y", 83_746_501, 1.5, true, null], "n": -8_374_650_199_i64 });
    let shown = json!({ "[secret A]": ["x[secret A]y", "[secret A]", 1.5, true, null], "n": "-[secret A]99" });
    assert_eq!(mask.value(value), shown);
    assert_eq!(mask.text("ends in 837465"), "ends in 837465");
    for (cut, shown) in [("837465", "[secret A]"), ("8374", "[secret A]"), ("837", "837"), ("", "")] {
        assert_eq!(mask.cut(&format!("ends in {cut}")), format!("ends in {shown}"));
    }
    let percent = mask_of("a secret / value");
    assert_eq!(percent.cut("x=a%20secret%20%2"), "x=[secret A]");
    assert!(!format!("{mask:?}").contains("8374"));
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn masking_never_panics_and_leaves_no_secret(secret in "\\PC{4,12}", before in "\\PC{0,8}", after in "\\PC{0,8}") {
            let mask = mask_of(&secret);
            let shown = mask.text(&format!("{before}{secret}{after}"));
            let rest = shown.replace("[secret A]", "\u{0}");
            prop_assert!(!rest.contains(&secret));
            let cut = mask.cut(&format!("{before}{secret}{after}")).replace("[secret A]", "\u{0}");
            prop_assert!(!cut.contains(&secret));
        }
    }
}
