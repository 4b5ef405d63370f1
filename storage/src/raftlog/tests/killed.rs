//! A process killed while it writes: whatever it was told is on disk is on disk.
//!
//! The test starts itself again as the victim, which prints what was confirmed; a line that got out
//! is a promise.

use super::*;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

const DIR: &str = "RAFT_LOG_VICTIM_DIR";

/// Writes three groups until killed, when asked to by the environment; nothing otherwise.
#[test]
fn victim_writes_until_killed_when_asked() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let log = open(Path::new(&dir));
    let out = Arc::new(Mutex::new(std::io::stdout()));
    for index in log.group(1).state().last.map_or(0, |last| last.index + 1).. {
        for group in [1, 2, 3] {
            let out = Arc::clone(&out);
            let confirmed: Done = Box::new(move |result| {
                result.unwrap();
                writeln!(out.lock(), "confirmed {group} {index}").unwrap();
            });
            log.group(group).append(rows(index..index + 1, 1), confirmed).unwrap();
        }
        if index % 64 == 0 {
            // Keep the queue short, so that kills meet different moments.
            log.flush().unwrap();
        }
    }
}

#[test]
fn what_a_killed_process_confirmed_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let mut confirmed = [0u64; 4];
    for round in 0..4u64 {
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .args(["raftlog::tests::killed::victim_writes_until_killed_when_asked", "--exact", "--nocapture"])
            .env(DIR, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(victim.stdout.take().unwrap()).lines();
        let lives = 300 + round * 777;
        let mut seen = 0;
        for line in lines.map_while(Result::ok) {
            let words: Vec<&str> = line.split(' ').collect();
            if let ["confirmed", group, index] = words[..] {
                let group: usize = group.parse().unwrap();
                confirmed[group] = confirmed[group].max(index.parse().unwrap());
                seen += 1;
            }
            if seen == lives {
                victim.kill().unwrap();
            }
        }
        assert!(seen >= lives, "the victim stopped after {seen} lines");
        victim.wait().unwrap();

        let log = open(dir.path());
        // Groups are written in turn, so the last may lack what the first already has.
        let shortest = (1..=3).map(|group| log.group(group).state().last.unwrap().index).min().unwrap();
        for group in 1..=3u16 {
            let last = log.group(group).state().last.unwrap().index;
            assert!(last >= confirmed[usize::from(group)], "group {group} lost confirmed rows");
            assert_eq!(read_all(&log.group(group)), rows(0..last + 1, 1));
            log.group(group).truncate_after(Some(mark(shortest, 1))).unwrap();
        }
    }
    assert!(confirmed[3] > 500);
}
