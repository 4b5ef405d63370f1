//! The fault harness in its short form, a test for each tier. `tests/chaos` runs the same for as long as wanted.

use std::process::{Command, Stdio};

/// Runs a tier as the program that makes namespaces for itself; it says what was lost, or what the machine lacks.
#[track_caller]
fn holds(tier: &str) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gearify-chaos"));
    let ran =
        command.args([tier, "--seed", "20261128"]).stdin(Stdio::null()).output().expect("it can be run");
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{}:\n{said}", ran.status);
}

#[test]
fn no_acknowledged_order_is_lost_by_thirty_kills() {
    holds("kills");
}

#[test]
fn no_acknowledged_order_is_lost_by_power_cuts_of_one_node_and_of_all() {
    holds("cuts");
}

#[test]
fn forty_damaged_files_are_made_again_or_refused_and_never_believed() {
    holds("rot");
}

#[test]
fn a_region_that_is_cut_off_sells_and_is_soon_one_with_the_other() {
    holds("apart");
}

#[test]
fn a_minute_of_chaos_ends_with_every_node_of_one_mind() {
    holds("storm");
}
