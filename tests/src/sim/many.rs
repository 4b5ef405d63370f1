//! Many runs at once: each is one thread, so there are as many of them as cores.

use super::{Plan, Report, run};
use parking_lot::Mutex;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Runs all plans and tells of each as it ends; the reports come in the order of the plans.
pub fn run_all(plans: &[Plan], tell: impl Fn(&Report) + Sync) -> Vec<Report> {
    let (next, reports) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some(plan) = plans.get(next.fetch_add(1, Ordering::Relaxed)) {
            let report = run(*plan);
            tell(&report);
            reports.lock().push(report);
        }
    };
    std::thread::scope(|threads| {
        for _ in 0..std::thread::available_parallelism().map_or(1, NonZero::get) {
            threads.spawn(work);
        }
    });
    let mut reports = reports.into_inner();
    reports.sort_by_key(|report| plans.iter().position(|plan| *plan == report.plan));
    reports
}

/// So many runs from this seed on.
pub fn seeds(plan: Plan, seeds: u64) -> Vec<Plan> {
    (plan.seed..plan.seed + seeds).map(|seed| Plan { seed, ..plan }).collect()
}
