//! Servers that die, hang, flood and lie.

use super::*;

fn is_unknown(error: &ToolError, code: &str, says: &str) -> bool {
    matches!(error, ToolError::Unknown { code: found, message } if *found == code && message.contains(says))
}

#[tokio::test]
async fn a_server_that_cannot_be_started_is_named_with_what_to_do() {
    for (begins, program, says) in [
        ("dies", None, "no licence found"),
        ("silent", None, "does not answer within 300ms"),
        ("garbage", None, "no messages"),
        ("well", Some("no-such-program"), "there is no program `no-such-program`; install it"),
    ] {
        let stage = Stage::new(begins, |settings| {
            if begins == "silent" {
                settings.start_timeout = Duration::from_millis(300);
            }
            if let (Some(program), Reach::Command { command, .. }) = (program, &mut settings.reach) {
                program.clone_into(&mut command[0]);
            }
        })
        .await;
        let failed = stage.servers.learn(["bad.echo"]).await.unwrap_err().remove(0);
        assert!(failed.reason.contains(says), "{begins}: {failed}");
        assert!(failed.reason.contains("callboard tools check bad"), "{begins}: {failed}");
        assert!(matches!(stage.view().standing, Standing::Down(why) if why.contains(says)), "{begins}");
        if let Some(pid) = stage.log().first().and_then(|line| line.strip_prefix("start ").map(str::to_owned)) {
            eventually(|| (!lives(&pid)).then_some(())).await;
        }
    }
}

#[tokio::test]
async fn a_call_in_flight_when_the_server_dies_is_unknown_and_the_next_one_starts_it_again() {
    let stage = Stage::new("well", |_| {}).await.learnt().await;
    let error = stage.call("crash").await.unwrap_err();
    assert!(is_unknown(&error, "lost", "out of cheese"), "{error:?}");
    assert!(matches!(stage.view().standing, Standing::Down(why) if why.contains("out of cheese")));
    assert_eq!(stage.call("echo").await.unwrap(), json!({ "text": "{}" }));
    assert_eq!((stage.starts(), stage.view().standing), (2, Standing::Connected));
    stage.servers.stop().await;
}

#[tokio::test]
async fn a_server_that_dies_on_and_on_is_left_alone_until_somebody_checks_it() {
    let stage = Stage::new("well", |_| {}).await.learnt().await;
    let begin = Instant::now();
    for _ in 0..5 {
        assert!(is_unknown(&stage.call("crash").await.unwrap_err(), "lost", "out of cheese"));
    }
    assert!(begin.elapsed() > Duration::from_millis(500 + 1_000 + 2_000 + 4_000), "{:?}", begin.elapsed());
    let error = stage.call("echo").await.unwrap_err();
    let says_so =
        |message: &str| message.contains("left alone for 4m") && message.contains("callboard tools check bad");
    assert!(matches!(&error, ToolError::Retry { code: "server_down", message } if says_so(message)), "{error:?}");
    assert_eq!(stage.starts(), 5);
    stage.servers.check("bad").await.unwrap().unwrap();
    stage.call("echo").await.unwrap();
    assert_eq!(stage.starts(), 6);
    stage.servers.stop().await;
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_cancelled_and_a_server_that_still_answers_goes_on() {
    let stage = Stage::new("well", |settings| settings.timeout = Duration::from_millis(500)).await.learnt().await;
    let error = stage.call("slow").await.unwrap_err();
    assert!(is_unknown(&error, "timeout", "no result within 500ms; `mcp.bad.timeout`"), "{error:?}");
    stage.logged("cancelled").await;
    stage.call("echo").await.unwrap();
    assert_eq!(stage.starts(), 1);
    stage.servers.stop().await;
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_any_more_is_cancelled() {
    let stage = Stage::new("well", |_| {}).await.learnt().await;
    let waited = tokio::time::timeout(Duration::from_millis(300), call(&stage.tools, "bad.slow", json!({}))).await;
    assert!(waited.is_err());
    stage.logged("cancelled").await;
    stage.servers.stop().await;
}

#[tokio::test]
async fn a_server_that_hangs_is_killed_and_started_again() {
    let stage = Stage::new("well", |settings| settings.timeout = Duration::from_millis(500)).await.learnt().await;
    let pid = stage.logged("start").await["start ".len()..].to_owned();
    let error = stage.call("hang").await.unwrap_err();
    assert!(is_unknown(&error, "timeout", ""), "{error:?}");
    eventually(|| (!lives(&pid)).then_some(())).await;
    eventually(|| matches!(stage.view().standing, Standing::Down(_)).then_some(())).await;
    stage.call("echo").await.unwrap();
    assert_eq!(stage.starts(), 2);
    stage.servers.stop().await;
}

#[tokio::test]
async fn floods_and_messages_too_long_end_the_connection_and_say_so() {
    let ends = async |tool: &str, says: &[&str]| {
        let stage = Stage::new("well", |_| {}).await.learnt().await;
        let pid = stage.logged("start").await["start ".len()..].to_owned();
        let error = stage.call(tool).await.unwrap_err();
        assert!(says.iter().any(|says| is_unknown(&error, "lost", says)), "{tool}: {error:?}");
        eventually(|| (!lives(&pid)).then_some(())).await;
        stage.call("echo").await.unwrap();
        assert_eq!(stage.starts(), 2, "{tool}");
        stage.servers.stop().await;
    };
    ends("flood_lines", &["no messages"]).await;
    ends("flood_messages", &["floods us"]).await;
    // Which of the two limits it meets first depends on how it is scheduled.
    ends("flood_requests", &["floods us", "asks more than it listens"]).await;
    ends("huge", &["longer than 16777216 bytes"]).await;
}

#[tokio::test]
async fn stray_output_is_passed_over() {
    let stage = Stage::new("well", |_| {}).await.learnt().await;
    assert_eq!(stage.call("stray").await.unwrap(), json!({ "text": "done" }));
    assert_eq!(stage.starts(), 1);
    stage.servers.stop().await;
}

#[tokio::test]
async fn errors_say_whether_the_call_took_effect() {
    let stage = Stage::new("well", |_| {}).await.learnt().await;
    let refused = stage.call("refuse").await.unwrap_err();
    assert!(
        matches!(&refused, ToolError::GiveUp { code: "refused", message } if message.contains("no such thing")),
        "{refused:?}"
    );
    let failed = stage.call("fail").await.unwrap_err();
    assert!(
        matches!(&failed, ToolError::Retry { code: "tool_failed", message } if message.contains("on fire")),
        "{failed:?}"
    );
    let broke = stage.call("break").await.unwrap_err();
    assert!(is_unknown(&broke, "server_error", "something broke"), "{broke:?}");
    let odd = stage.call("odd").await.unwrap_err();
    assert!(is_unknown(&odd, "bad_result", "no result of a tool"), "{odd:?}");
    stage.servers.stop().await;
}

#[tokio::test]
async fn a_tool_that_changed_is_not_called_as_what_it_was() {
    let stage = Stage::new("well", |_| {}).await.learnt().await;
    assert_eq!(stage.tools.get("bad.change").unwrap().description(), "before");
    stage.call("change").await.unwrap();
    let error = stage.call("change").await.unwrap_err();
    assert!(matches!(error, ToolError::Retry { code: "tool_changed", .. }), "{error:?}");
    assert_eq!(stage.tools.get("bad.change").unwrap().description(), "after");
    stage.call("change").await.unwrap();
    stage.servers.stop().await;
}

#[tokio::test]
async fn nothing_that_a_server_started_is_left() {
    for begins in ["well", "deaf"] {
        for dropped in [false, true] {
            let stage = Stage::new(begins, |_| {}).await.learnt().await;
            let left = stage.call("leave").await.unwrap()["text"].as_str().unwrap().to_owned();
            let pid = stage.logged("start").await["start ".len()..].to_owned();
            assert!(lives(&left) && lives(&pid));
            if dropped {
                drop(stage);
            } else {
                stage.servers.stop().await;
                assert!(!lives(&pid), "{begins}");
            }
            eventually(|| (!lives(&left) && !lives(&pid)).then_some(())).await;
        }
    }
}

#[tokio::test]
async fn calls_at_once_share_one_server_and_a_stop_ends_those_in_flight() {
    let stage = Arc::new(Stage::new("well", |_| {}).await.learnt().await);
    let calls = futures::future::join_all((0..40).map(|_| stage.call("echo"))).await;
    assert!(calls.iter().all(Result::is_ok) && stage.starts() == 1);
    let waiting = tokio::spawn({
        let stage = Arc::clone(&stage);
        async move { stage.call("slow").await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    stage.servers.stop().await;
    let error = waiting.await.unwrap().unwrap_err();
    assert!(is_unknown(&error, "stopping", ""), "{error:?}");
}
