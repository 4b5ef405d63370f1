//! A place of the harness's own: one bridge, and for each node a network namespace with an address.
//!
//! The whole harness runs in namespaces of network, mounts and processes that end with it, however it
//! ends: nothing is left on the machine, not a link, a rule, a mount or a process.
//!
//! ```text
//!   harness, clients, payment provider          10.77.0.1   (the bridge)
//!   node n, in namespace "node-n"               10.77.0.(10+n)
//! ```

use std::ffi::OsStr;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::{Command, ExitStatus, Stdio};

/// Set for the copy of the program that runs inside.
const INSIDE: &str = "GEARIFY_CHAOS_INSIDE";
/// The end of the bridge that the harness and its clients use.
pub const HERE: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
pub const PEER_PORT: u16 = 7400;
const SHOP_PORT: u16 = 8080;
const OPERATIONS_PORT: u16 = 9090;

/// Programs of the machine that the harness calls, with the package that has each.
const PROGRAMS: [(&str, &str); 8] = [
    ("unshare", "util-linux"),
    ("nsenter", "util-linux"),
    ("mount", "mount"),
    ("ip", "iproute2"),
    ("nft", "nftables"),
    ("mkfs.ext4", "e2fsprogs"),
    ("faketime", "faketime"),
    ("eatmydata", "eatmydata"),
];
/// What `faketime` would preload. A node is started with it directly, so that its process is the node.
pub fn faketime() -> String {
    library("faketime/libfaketime.so.1")
}

/// Makes sync calls do nothing: the disk that lies.
pub fn eatmydata() -> String {
    library("libeatmydata.so")
}

fn library(name: &str) -> String {
    let path = format!("/usr/lib/{}-linux-gnu/{name}", std::env::consts::ARCH);
    assert!(
        std::path::Path::new(&path).exists(),
        "{path} is missing. Provide it with: sudo apt-get install -y faketime eatmydata"
    );
    path
}

/// Runs this program again, with the same arguments, in namespaces of its own. `None` for the copy that is
/// inside already.
///
/// # Errors
/// What the machine lacks, with the command that provides it.
pub fn enter() -> anyhow::Result<Option<ExitStatus>> {
    if std::env::var_os(INSIDE).is_some() {
        return Ok(None);
    }
    let missing: Vec<&str> =
        PROGRAMS.iter().filter(|(program, _)| !exists(program)).map(|(_, package)| *package).collect();
    anyhow::ensure!(
        missing.is_empty(),
        "these packages are missing. Provide them with: sudo apt-get update && sudo apt-get install -y {}",
        missing.join(" ")
    );
    let own = std::env::current_exe()?;
    let mut command = if rustix::process::geteuid().is_root() {
        Command::new("unshare")
    } else {
        let mut command = Command::new("sudo");
        command.args(["-n", "--preserve-env=PATH,TMPDIR,GEARIFY_CHAOS_INSIDE", "unshare"]);
        command
    };
    command.args(["--net", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"]);
    command.arg("--mount-proc").arg(&own).args(std::env::args_os().skip(1)).env(INSIDE, "1");
    let status = command.stdin(Stdio::null()).status()?;
    if !status.success() && !rustix::process::geteuid().is_root() {
        eprintln!(
            "namespaces, mounts and packet rules take the rights of root. Where sudo asks for a password, run \
             this as: sudo {}",
            own.display()
        );
    }
    Ok(Some(status))
}

fn exists(program: &str) -> bool {
    let places = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/sbin"].map(Into::into);
    std::env::split_paths(&places).chain(system).any(|dir: std::path::PathBuf| dir.join(program).exists())
}

/// Runs a tool of the machine to its end.
///
/// # Panics
/// With what it said, where it fails: without its tools the harness can show nothing.
#[track_caller]
pub fn tool(program: &str, arguments: &[impl AsRef<OsStr>]) -> String {
    try_tool(program, arguments).unwrap_or_else(|said| panic!("{program}: {said}"))
}

/// As [`tool`], where failing may be right.
pub fn try_tool(program: &str, arguments: &[impl AsRef<OsStr>]) -> Result<String, String> {
    let path = "/usr/sbin:/usr/bin:/sbin:/bin";
    let output = Command::new(program).args(arguments).env("PATH", path).stdin(Stdio::null()).output();
    let output = output.map_err(|error: io::Error| error.to_string())?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
    }
}

fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

/// Which packets between two nodes are lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    All,
    /// So many of a hundred, at random.
    Percent(u8),
    /// Connections are answered with a reset.
    Reset,
}

/// The bridge and the namespaces. They end with the process.
pub struct Place {
    nodes: usize,
}

impl Place {
    /// Makes the bridge and a namespace for each of so many nodes.
    pub fn new(nodes: usize) -> Place {
        std::fs::create_dir_all("/run/netns").expect("a mount namespace of its own takes directories");
        tool("mount", &words("-t tmpfs tmpfs /run/netns"));
        tool("ip", &words("link set lo up"));
        tool("ip", &words("link add bridge type bridge"));
        tool("ip", &words(&format!("address add {HERE}/24 dev bridge")));
        tool("ip", &words("link set bridge up"));
        for n in 0..nodes {
            let (name, end) = (name(n), format!("end-{}", n + 1));
            tool("ip", &words(&format!("netns add {name}")));
            tool("ip", &words(&format!("link add {end} type veth peer name eth0 netns {name}")));
            tool("ip", &words(&format!("link set {end} master bridge up")));
            tool("ip", &words(&format!("-n {name} address add {}/24 dev eth0", address(n))));
            tool("ip", &words(&format!("-n {name} link set eth0 up")));
            tool("ip", &words(&format!("-n {name} link set lo up")));
        }
        let place = Place { nodes };
        (0..nodes).for_each(|n| place.begin_rules(n));
        place
    }

    /// Words that put a program into the namespace of a node.
    pub fn inside(n: usize) -> Vec<String> {
        vec!["nsenter".to_owned(), format!("--net=/run/netns/{}", name(n)), "--".to_owned()]
    }

    fn rule(n: usize, rule: &str) {
        let mut arguments = Place::inside(n);
        arguments.push("nft".to_owned());
        arguments.push(rule.to_owned());
        tool(&arguments[0].clone(), &arguments[1..]);
    }

    fn begin_rules(&self, n: usize) {
        Place::rule(n, "add table ip faults");
        for hook in ["input", "output"] {
            Place::rule(n, &format!("add chain ip faults {hook} {{ type filter hook {hook} priority 0; }}"));
        }
        Place::rule(n, "add chain ip faults aside { type nat hook output priority -100; }");
    }

    /// Packets that one node sends to another are lost, in this direction only.
    pub fn lose(&self, from: usize, to: usize, loss: Loss) {
        let source = address(from);
        let what = match loss {
            Loss::All => format!("ip saddr {source} drop"),
            Loss::Percent(percent) => {
                format!("ip saddr {source} numgen random mod 100 < {percent} drop")
            }
            Loss::Reset => format!("ip saddr {source} meta l4proto tcp reject with tcp reset"),
        };
        Place::rule(to, &format!("add rule ip faults input {what}"));
    }

    /// Neither hears the other.
    pub fn part(&self, one: usize, other: usize) {
        self.lose(one, other, Loss::All);
        self.lose(other, one, Loss::All);
    }

    /// New connections of one node to another go to this port of the harness instead.
    pub fn lead_aside(&self, from: usize, to: usize, port: u16) {
        let to = address(to);
        let rule =
            format!("add rule ip faults aside ip daddr {to} tcp dport {PEER_PORT} dnat to {HERE}:{port}");
        Place::rule(from, &rule);
    }

    /// Packets are lost no more; connections that were led aside stay so.
    pub fn open(&self) {
        for n in 0..self.nodes {
            Place::rule(n, "flush chain ip faults input");
        }
    }

    /// Every packet goes where it should.
    pub fn heal(&self) {
        for n in 0..self.nodes {
            for chain in ["input", "output", "aside"] {
                Place::rule(n, &format!("flush chain ip faults {chain}"));
            }
        }
    }
}

impl Drop for Place {
    /// For the next one in the same process. What is left of it ends with the process.
    fn drop(&mut self) {
        for n in 0..self.nodes {
            let _ = try_tool("ip", &words(&format!("netns del {}", name(n))));
        }
        let _ = try_tool("ip", &words("link del bridge"));
        let _ = try_tool("umount", &["/run/netns"]);
    }
}

fn name(n: usize) -> String {
    format!("node-{}", n + 1)
}

/// The address of a node.
pub fn address(n: usize) -> Ipv4Addr {
    Ipv4Addr::new(10, 77, 0, 11 + n as u8)
}

fn at(n: usize, port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(address(n)), port)
}

pub fn peer(n: usize) -> SocketAddr {
    at(n, PEER_PORT)
}

pub fn shop(n: usize) -> SocketAddr {
    at(n, SHOP_PORT)
}

pub fn operations(n: usize) -> SocketAddr {
    at(n, OPERATIONS_PORT)
}
