//! What is read is what was written; everything else is an error, and soon.

use super::*;
use proptest::prelude::*;
use std::time::Instant;

const PATIENCE: Patience = Patience { frame: Duration::from_millis(150), idle: Duration::from_secs(5) };

fn frame(kind: Kind, body: &[u8]) -> Frame {
    Frame { kind, group: GroupId(16), id: 7, body: Bytes::copy_from_slice(body) }
}

async fn bytes_of(frame: &Frame) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out, GREETING, frame, PATIENCE).await.unwrap();
    out
}

async fn read_all(mut bytes: &[u8]) -> Result<Option<Frame>, WireError> {
    read(&mut bytes, GREETING, PATIENCE).await
}

#[tokio::test]
async fn every_kind_arrives_as_it_was_sent() {
    for kind in Kind::ALL {
        for body in [&b""[..], b"x", &[7; 4096]] {
            let sent = frame(kind, body);
            assert_eq!(read_all(&bytes_of(&sent).await).await.unwrap(), Some(sent));
        }
    }
    let large = frame(Kind::Append, &vec![3; 4 << 20]);
    assert_eq!(read_all(&bytes_of(&large).await).await.unwrap(), Some(large));
}

#[tokio::test]
async fn the_end_between_frames_is_an_end_and_within_one_an_error() {
    assert!(matches!(read_all(b"").await, Ok(None)));
    let whole = bytes_of(&frame(Kind::Call, b"half of this")).await;
    for cut in 1..whole.len() {
        assert!(matches!(read_all(&whole[..cut]).await, Err(WireError::Truncated)), "cut at {cut}");
    }
}

#[tokio::test]
async fn a_flipped_bit_anywhere_is_noticed() {
    let whole = bytes_of(&frame(Kind::Append, b"entries")).await;
    for bit in 0..whole.len() * 8 {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(read_all(&flipped).await.is_err(), "bit {bit}");
    }
}

#[tokio::test]
async fn a_frame_over_its_limit_is_refused_before_its_body_is_read_or_written() {
    let mut head = bytes_of(&frame(Kind::Hello, b"")).await;
    head[..4].copy_from_slice(&u32::MAX.to_be_bytes());
    assert!(matches!(read_all(&head).await, Err(WireError::TooLarge { .. })));
    let large = frame(Kind::Hello, &[0; 5000]);
    let written = write(&mut Vec::new(), GREETING, &large, PATIENCE).await;
    assert!(matches!(written, Err(WireError::TooLarge { max: 4096, .. })), "{written:?}");
}

#[tokio::test]
async fn a_stall_within_a_frame_ends_in_bounded_time_however_slowly_it_drips() {
    let whole = bytes_of(&frame(Kind::Append, &[1; 1000])).await;
    let (mut near, mut far) = tokio::io::duplex(64);
    let drip = tokio::spawn(async move {
        for byte in whole {
            if far.write_all(&[byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let start = Instant::now();
    assert!(matches!(read(&mut near, GREETING, PATIENCE).await, Err(WireError::Stalled)));
    assert!(start.elapsed() < Duration::from_secs(3));
    drip.abort();
}

#[tokio::test]
async fn a_reader_that_takes_nothing_does_not_hold_the_writer_for_ever() {
    let (mut near, _far) = tokio::io::duplex(64);
    let written = write(&mut near, GREETING, &frame(Kind::Append, &[1; 1000]), PATIENCE).await;
    assert!(matches!(written, Err(WireError::Stalled)), "{written:?}");
}

proptest! {
    #[test]
    fn garbage_is_never_a_frame_and_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 1..200)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        prop_assert!(runtime.block_on(read_all(&bytes)).is_err());
    }
}
