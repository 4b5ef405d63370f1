//! The fault harness: three real nodes whose links, disks, clocks and lives are taken from them while people
//! order, and what must hold afterwards.
//!
//! Nodes are the binary itself, in network namespaces of their own (`place`), on disks whose power can be cut
//! (`disk`), as one region (`fleet`). Clients write down every call (`crowd`). Each tier gives itself a schedule
//! drawn from a seed, and each fault must show an effect; a run whose faults changed nothing is failed, because
//! it proves nothing.

pub mod apart;
pub mod checks;
pub mod crowd;
pub mod cuts;
pub mod disk;
pub mod faults;
pub mod fleet;
pub mod kills;
pub mod links;
pub mod place;
pub mod report;
pub mod rot;
pub mod storm;

/// Says how a run gets on, apart from its results.
pub fn say(line: &str) {
    eprintln!("chaos: {line}");
}
