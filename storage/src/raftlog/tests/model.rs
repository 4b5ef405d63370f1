//! Any sequence of operations, on a cache too small to matter, leaves what a plain vector would
//! hold, at every step and after every restart.

use super::*;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Append { count: u64, bytes: usize },
    Truncate { keep: u64 },
    Purge { share: u64 },
    PurgePastEnd { by: u64 },
    Vote(u8),
    Committed(u8),
    Flush,
    Restart,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (1..20u64, 0..200usize).prop_map(|(count, bytes)| Step::Append { count, bytes }),
        3 => (0..12u64).prop_map(|keep| Step::Truncate { keep }),
        2 => (0..100u64).prop_map(|share| Step::Purge { share }),
        1 => (1..5u64).prop_map(|by| Step::PurgePastEnd { by }),
        2 => any::<u8>().prop_map(Step::Vote),
        2 => any::<u8>().prop_map(Step::Committed),
        1 => Just(Step::Flush),
        1 => Just(Step::Restart),
    ]
}

#[derive(Default)]
struct Model {
    rows: Vec<LogRow>,
    purged: Option<Mark>,
    vote: Option<u8>,
    committed: Option<u8>,
    term: u64,
}

impl Model {
    fn next(&self) -> u64 {
        let after_purged = self.purged.as_ref().map_or(0, |mark| mark.index + 1);
        self.rows.last().map_or(after_purged, |row| row.index + 1)
    }

    fn last(&self) -> Option<Mark> {
        let row = self.rows.last().map(|row| Mark { index: row.index, term: row.term.clone() });
        row.or_else(|| self.purged.clone())
    }

    fn purge(&mut self, through: Mark) {
        self.rows.retain(|row| row.index > through.index);
        self.purged = Some(through);
    }
}

fn small(dir: &Path) -> RaftLog {
    let mut options = options(dir);
    options.cache_bytes = 700;
    RaftLog::open(options).expect("the log opens")
}

fn check(group: &GroupLog, model: &Model) {
    let state = group.state();
    assert_eq!(state.last, model.last());
    assert_eq!(state.purged, model.purged);
    assert_eq!(state.vote.map(|vote| vote[0]), model.vote);
    assert_eq!(state.committed.map(|committed| committed[0]), model.committed);
    assert_eq!(read_all(group), model.rows);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_log_holds_what_a_vector_would(steps in prop::collection::vec(any_step(), 1..40)) {
        let dir = tempfile::tempdir().unwrap();
        let mut log = small(dir.path());
        let mut group = log.group(9);
        let mut model = Model::default();
        for step in steps {
            match step {
                Step::Append { count, bytes } => {
                    model.term += 1;
                    let next = model.next();
                    let body = "x".repeat(bytes);
                    let new: Vec<LogRow> =
                        (next..next + count).map(|index| row(index, model.term, &body)).collect();
                    group.append(new.clone(), ignored()).unwrap();
                    model.rows.extend(new);
                }
                Step::Truncate { keep } => {
                    let kept = model.rows.len().saturating_sub(keep as usize);
                    model.rows.truncate(kept);
                    group.truncate_after(model.last()).unwrap();
                }
                Step::Purge { share } => {
                    let at = model.rows.len() * share as usize / 100;
                    if let Some(row) = model.rows.get(at) {
                        let through = Mark { index: row.index, term: row.term.clone() };
                        group.purge(through.clone()).unwrap();
                        model.purge(through);
                    }
                }
                Step::PurgePastEnd { by } => {
                    let through = mark(model.next() + by, model.term);
                    group.purge(through.clone()).unwrap();
                    model.purge(through);
                }
                Step::Vote(vote) => {
                    group.save_vote(Bytes::copy_from_slice(&[vote]), ignored()).unwrap();
                    model.vote = Some(vote);
                }
                Step::Committed(committed) => {
                    group.save_committed(Bytes::copy_from_slice(&[committed])).unwrap();
                    model.committed = Some(committed);
                }
                Step::Flush => log.flush().unwrap(),
                Step::Restart => {
                    drop(log);
                    log = small(dir.path());
                    group = log.group(9);
                }
            }
            check(&group, &model);
        }
        drop(log);
        check(&small(dir.path()).group(9), &model);
    }
}
