use serde_json::json;

use super::*;
use crate::store::fixtures::fixture;

#[tokio::test]
async fn what_was_put_is_got_back_and_stored_once() {
    let fixture = fixture().await;
    let blobs = fixture.workspace.blobs();
    let first = blobs.put("some text").await.unwrap();
    assert_eq!(*first.sha256, *hex(Sha256::digest("some text")));
    assert_eq!(blobs.put("some text").await.unwrap(), first);
    assert_eq!(blobs.get(&first.sha256).await.unwrap(), b"some text");
    let shelf = fixture.folder.path().join("blobs").join(&first.sha256[..2]);
    assert_eq!(std::fs::read_dir(shelf).unwrap().count(), 1);
}

#[tokio::test]
async fn what_is_written_in_pieces_is_what_was_put_whole() {
    let fixture = fixture().await;
    let blobs = fixture.workspace.blobs();
    let whole = "0123456789".repeat(100_000);
    let mut writer = blobs.writer().await.unwrap();
    for piece in whole.as_bytes().chunks(777) {
        writer.write(piece).await.unwrap();
    }
    let written = writer.finish().await.unwrap();
    assert_eq!(written, blobs.put(whole.clone()).await.unwrap());
    assert_eq!(blobs.get(&written.sha256).await.unwrap(), whole.as_bytes());
}

#[tokio::test]
async fn a_writer_that_is_dropped_leaves_nothing() {
    let fixture = fixture().await;
    let mut writer = fixture.workspace.blobs().writer().await.unwrap();
    writer.write(&vec![7; 1_000_000]).await.unwrap();
    drop(writer);
    let incoming = fixture.folder.path().join("blobs/incoming");
    assert_eq!(std::fs::read_dir(incoming).unwrap().count(), 0);
}

#[tokio::test]
async fn what_a_crash_left_half_written_goes_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let incoming = folder.path().join("incoming");
    std::fs::create_dir_all(&incoming).unwrap();
    std::fs::write(incoming.join("0"), "half").unwrap();
    let blobs = Blobs::open(folder.path().to_owned()).unwrap();
    assert!(!incoming.exists());
    blobs.put("whole").await.unwrap();
}

#[tokio::test]
async fn a_damaged_file_is_told_and_healed_by_writing_it_again() {
    let fixture = fixture().await;
    let blobs = fixture.workspace.blobs();
    let blob = blobs.put("precious").await.unwrap();
    let path = blobs.path(&blob.sha256);
    std::fs::write(&path, "gone").unwrap();
    let error = blobs.get(&blob.sha256).await.unwrap_err();
    assert!(matches!(&error, StoreError::Corrupt { .. }) && error.to_string().contains(&*blob.sha256), "{error}");
    blobs.put("precious").await.unwrap();
    assert_eq!(blobs.get(&blob.sha256).await.unwrap(), b"precious");
}

#[tokio::test]
async fn what_is_no_address_or_not_there_is_missing() {
    let fixture = fixture().await;
    for address in ["", "../../callboard.db", &"0".repeat(64), &"é".repeat(32)] {
        let error = fixture.workspace.blobs().get(address).await.unwrap_err();
        assert!(matches!(error, StoreError::Missing(_)), "{address}: {error}");
    }
}

#[tokio::test]
async fn only_values_past_the_limit_leave_their_event() {
    let fixture = fixture().await;
    let blobs = fixture.workspace.blobs();
    // With its quotes, the text is exactly as long as may be.
    let small = json!("x".repeat(INLINE_BYTES - 2));
    let big = json!("x".repeat(INLINE_BYTES - 1));
    assert_eq!(blobs.offload(small.clone()).await.unwrap(), Payload::of(small));
    let stored = blobs.offload(big.clone()).await.unwrap();
    let Payload::Stored { bytes, .. } = &stored else { panic!("{stored:?}") };
    assert_eq!(*bytes, INLINE_BYTES as u64 + 1);
    assert_eq!(*blobs.load(&stored).await.unwrap(), big);
}
