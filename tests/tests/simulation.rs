//! The simulation in its short form: seeds of both shapes, those that once failed, the same seed twice, and
//! bugs that it must find.

use gearify_storage::planted::Bug;
use gearify_tests::sim::many::{run_all, seeds};
use gearify_tests::sim::report::inconclusive;
use gearify_tests::sim::{Fault, Plan, Report, Shape, run};

/// Twenty seconds of a simulation.
const TICKS: u64 = 20_000;

#[expect(clippy::print_stdout, reason = "a test that fails shows what all runs came to")]
fn tell(report: &Report) {
    println!("{report}");
}

#[track_caller]
fn hold(plan: Plan) -> Report {
    let report = run(plan);
    tell(&report);
    assert!(report.passed(), "{report}");
    report
}

#[test]
fn twenty_seeds_hold_and_their_faults_are_felt() {
    let reports = run_all(&seeds(Plan::new(1, TICKS), 20), tell);
    let failed: Vec<String> =
        reports.iter().filter(|report| !report.passed()).map(Report::to_string).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert_eq!(inconclusive(&reports), Vec::<String>::new());
}

/// With seeds that soon cut a region off, for long enough that somebody there wants another price.
#[test]
fn three_regions_hold_and_one_that_is_cut_off_takes_no_writes_of_what_all_share() {
    let plans = [26, 28].map(|seed| Plan { shape: Shape::World, ..Plan::new(seed, 6_500) });
    let reports = plans.map(hold);
    let cut = |report: &Report| report.faults.get(&Fault::RegionCut).map_or(0, |(_, felt)| *felt);
    assert!(reports.iter().map(cut).sum::<u64>() > 0, "no region felt that it was cut off");
    let read_only: u64 = reports.iter().map(|report| report.tally.read_only).sum();
    assert!(read_only > 0, "no write was refused as read-only");
}

/// Once failed, run for ever. A line is a shape, a seed and its ticks; what it found comes after `#`.
#[test]
fn seeds_that_failed_once() {
    for line in include_str!("../seeds.txt").lines() {
        let words: Vec<&str> = line.split('#').next().unwrap_or_default().split_whitespace().collect();
        let [shape, seed, ticks] = words[..] else {
            assert!(words.is_empty(), "a line is a shape, a seed and its ticks: {line}");
            continue;
        };
        let shape = if shape == "world" { Shape::World } else { Shape::Region };
        let (seed, ticks) = (seed.parse().expect("a seed"), ticks.parse().expect("ticks"));
        hold(Plan { shape, ..Plan::new(seed, ticks) });
    }
}

#[test]
fn a_seed_gives_the_same_run_twice() {
    let plan = Plan { traced: true, ..Plan::new(5, 2_000) };
    let (one, other) = (hold(plan), hold(plan));
    let parted = one.trace.iter().zip(&other.trace).position(|(one, other)| one != other);
    let shown = |report: &Report, at: usize| report.trace[at.saturating_sub(3)..=at].join("\n");
    if let Some(at) = parted {
        panic!("the runs part at line {at}:\n{}\n--\n{}", shown(&one, at), shown(&other, at));
    }
    assert_eq!(one.trace_hash, other.trace_hash);
}

/// What is found of a bug says these words: another failure is not this one.
#[track_caller]
fn find(bug: Bug, plan: Plan, words: &str) {
    let report = run(Plan { bug: Some(bug), ..plan });
    tell(&report);
    let found = report.wrong.iter().any(|wrong| wrong.contains(words));
    assert!(found, "{bug:?} was not noticed as {words:?}: {report}");
}

/// Each with the seed that finds it soonest, its ticks, and what is found.
macro_rules! planted {
    ($($name:ident: $bug:ident $seed:literal $ticks:literal $words:literal;)+) => {
        $(#[test] fn $name() {
            find(Bug::$bug, Plan::new($seed, $ticks), $words);
        })+

        #[test]
        fn the_runs_that_find_the_bugs_hold_without_them() {
            let mut runs = vec![$(($seed, $ticks)),+];
            runs.sort();
            runs.dedup();
            for (seed, ticks) in runs {
                hold(Plan::new(seed, ticks));
            }
        }
    };
}

planted! {
    an_acknowledgement_before_the_fsync: CallbackBeforeFsync 9 8_000 "than was committed";
    a_vote_that_is_not_written_down: VoteNotPersisted 1 1_500 "the raft log of this group is missing";
    a_record_outside_the_batch_of_its_command: RecordOutsideTheBatch 1 1_500 "differ from those of others";
    a_stale_read_sold_as_linearizable: StaleRead 2 3_000 "is Illegal";
    a_position_stored_before_its_effect: PositionBeforeEffect 1 1_500 "differ from those of others";
    a_snapshot_that_counts_before_it_is_on_disk: SnapshotNotSynced 2 1_500 "snapshots reach only";
    a_log_purged_past_the_snapshot: PurgePastSnapshot 1 1_500 "do not follow the end of the log";
    an_outbox_cleared_before_its_events_are_moved: OutboxClearedEarly 1 1_500 "comes after";
    a_snapshot_without_the_events_that_wait: SnapshotWithoutOutbox 5 3_000 "comes after";
    an_event_number_given_twice: EventNumberReused 4 1_500 "comes after";
    a_capture_booked_twice: CaptureBookedTwice 2 3_000 "the state machine panicked";
}
