//! The real binary as a process: killed, stopped, started on damaged and on full disks, beside itself.

#[path = "processes/ashes.rs"]
mod ashes;
#[path = "processes/backups.rs"]
mod backups;
#[path = "processes/buyers.rs"]
mod buyers;
#[path = "processes/clocks.rs"]
mod clocks;
#[path = "processes/cluster.rs"]
mod cluster;
#[path = "processes/costs.rs"]
mod costs;
#[path = "processes/demos.rs"]
mod demos;
#[path = "processes/disks.rs"]
mod disks;
#[path = "processes/doctor.rs"]
mod doctor;
#[path = "processes/ends.rs"]
mod ends;
#[path = "processes/fsyncs.rs"]
mod fsyncs;
#[path = "processes/harness.rs"]
mod harness;
#[path = "processes/kills.rs"]
mod kills;
#[path = "processes/members.rs"]
mod members;
#[path = "processes/metrics.rs"]
mod metrics;
#[path = "processes/mounts.rs"]
mod mounts;
#[path = "processes/oceans.rs"]
mod oceans;
#[path = "processes/old_copy.rs"]
mod old_copy;
#[path = "processes/payments.rs"]
mod payments;
#[path = "processes/pictures.rs"]
mod pictures;
#[path = "processes/readme.rs"]
mod readme;
#[path = "processes/rebuilds.rs"]
mod rebuilds;
#[path = "processes/recovery.rs"]
mod recovery;
#[path = "processes/region.rs"]
mod region;
#[path = "processes/regions.rs"]
mod regions;
#[path = "processes/searching.rs"]
mod searching;
#[path = "processes/shards.rs"]
mod shards;
#[path = "processes/shop_moves.rs"]
mod shop_moves;
#[path = "processes/starts.rs"]
mod starts;
#[path = "processes/strangers.rs"]
mod strangers;
#[path = "processes/three_regions.rs"]
mod three_regions;
#[path = "processes/upgrade.rs"]
mod upgrade;
