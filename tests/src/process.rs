//! The real binary as a child process: started on loopback, killed by its id, never left behind.

use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// A node of a debug build on a busy machine is up within this time.
const START_WAIT: Duration = Duration::from_secs(120);
/// A process that was asked to end has ended by then.
const END_WAIT: Duration = Duration::from_secs(60);
/// Another program may take a free port before the node does.
const PORT_TRIES: usize = 5;

/// The binary that these tests were built beside.
///
/// # Panics
/// With the command that builds it, if it is not there.
pub fn binary() -> PathBuf {
    let own = std::env::current_exe().expect("a test knows where it lies");
    // target/<profile>/deps/<test>, or a program beside it
    let dir = own.parent().expect("a program lies in a directory");
    let profile = match dir.ends_with("deps") {
        true => dir.parent().expect("tests lie in a folder of the target directory"),
        false => dir,
    };
    let binary = profile.join("gearify");
    assert!(
        binary.exists(),
        "{} is missing: run `cargo build -p gearify-node --bin gearify` first",
        binary.display()
    );
    binary
}

/// An address on loopback that is free now.
pub fn free_address() -> SocketAddr {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("loopback has free ports");
    listener.local_addr().expect("a bound listener has an address")
}

/// How a node is started.
#[derive(Clone, Debug)]
pub struct Serve {
    pub data: PathBuf,
    /// Where what it says is kept, apart from its data.
    pub log: PathBuf,
    pub options: Vec<(String, String)>,
    /// Another program than the binary.
    pub program: Option<PathBuf>,
    /// Words before the program: what puts it somewhere, and then becomes it.
    pub inside: Vec<String>,
    pub environment: Vec<(String, String)>,
}

impl Serve {
    pub fn new(data: &Path, log: &Path) -> Serve {
        let serve = Serve {
            data: data.to_owned(),
            log: log.to_owned(),
            options: Vec::new(),
            program: None,
            inside: Vec::new(),
            environment: Vec::new(),
        };
        // Tests ask more often than people.
        serve
            .set("web.rates.reads_per_second", "100000")
            .set("web.rates.writes_per_second", "100000")
            .set("web.rates.sign_ins_per_minute", "100000")
            .set("limits.concurrent_requests_max", "4096")
    }

    pub fn set(mut self, key: &str, value: impl ToString) -> Serve {
        self.options.push((key.to_owned(), value.to_string()));
        self
    }

    /// With a test payment provider.
    pub fn provider(self, url: &url::Url, secret: &str) -> Serve {
        self.set("payments.test.enabled", true)
            .set("payments.test.url", url)
            .set("payments.test.webhook_secret", secret)
    }

    pub fn command(&self, public: SocketAddr, operations: SocketAddr) -> Command {
        let mut command = self.tool(&["serve"]);
        for (key, value) in [("listen.public", public), ("listen.operations", operations)] {
            command.args(["--set", &format!("{key}={value}")]);
        }
        command
    }

    /// Another command of the program, on the same settings and in the same place.
    pub fn tool(&self, words: &[&str]) -> Command {
        let program = self.program.clone().unwrap_or_else(binary);
        let mut command = match self.inside.split_first() {
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(program);
                command
            }
            None => Command::new(program),
        };
        command.args(words).env_clear().envs(self.environment.iter().cloned()).stdin(Stdio::null());
        let data = ("node.data_dir", self.data.display().to_string());
        let given = self.options.iter().map(|(key, value)| (key.as_str(), value.clone()));
        for (key, value) in [data].into_iter().chain(given) {
            command.args(["--set", &format!("{key}={value}")]);
        }
        command
    }

    /// Starts the node on these addresses and does not wait for it.
    pub fn spawn(&self, public: SocketAddr, operations: SocketAddr) -> NodeProcess {
        let (child, log) = spawn(self.command(public, operations), &self.log);
        NodeProcess { child, public, operations, log }
    }

    /// Starts the node and waits until it is ready.
    pub fn start(&self) -> NodeProcess {
        for _ in 0..PORT_TRIES {
            let (public, operations) = (free_address(), free_address());
            let mut node = self.spawn(public, operations);
            match node.wait_until_ready() {
                Ok(()) => return node,
                Err(ended) if ended.contains("can't listen on") => {}
                Err(ended) => panic!("the node did not start: {ended}"),
            }
        }
        panic!("no free ports after {PORT_TRIES} tries");
    }
}

/// The binary with an environment that sets nothing.
pub fn gearify(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(arguments).env_clear().stdin(Stdio::null());
    command
}

/// Appends both outputs to a file and keeps its path.
fn spawn(mut command: Command, log: &Path) -> (Child, PathBuf) {
    let open =
        || File::options().create(true).append(true).open(log).expect("the test's directory takes a log");
    let child = command.stdout(open()).stderr(open()).spawn().expect("the binary can be run");
    (child, log.to_owned())
}

/// A running node. Dropped, it is killed.
pub struct NodeProcess {
    child: Child,
    pub public: SocketAddr,
    pub operations: SocketAddr,
    log: PathBuf,
}

impl NodeProcess {
    /// `gearify demo`, ready when it has written its summary there.
    pub fn demo(data: &Path, summary: &Path, log: &Path) -> NodeProcess {
        let (public, operations) = (free_address(), free_address());
        let mut command = gearify(&["demo", "--data"]);
        command.arg(data).arg("--summary").arg(summary);
        command.args(["--listen", &public.to_string(), "--operations", &operations.to_string()]);
        let (child, log) = spawn(command, log);
        let mut node = NodeProcess { child, public, operations, log };
        let until = Instant::now() + START_WAIT * 3;
        while !summary.exists() {
            if let Some(status) = node.child.try_wait().expect("a child can be asked") {
                panic!("the demo ended by itself: {status}: {}", node.log());
            }
            assert!(Instant::now() < until, "the demo is not ready: {}", node.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        node
    }

    /// # Errors
    /// What it said, where it ended by itself or took too long.
    pub fn wait_until_ready(&mut self) -> Result<(), String> {
        let until = Instant::now() + START_WAIT;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child can be asked") {
                return Err(format!("{status}: {}", self.log()));
            }
            if is_ready(self.operations) {
                return Ok(());
            }
            if Instant::now() > until {
                return Err(format!("not ready in time: {}", self.log()));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has said so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Whether it says that its disk is nearly full.
    pub fn is_full(&self) -> bool {
        readiness(self.operations).is_ok_and(|answer| answer.contains("nothing new is taken in"))
    }

    /// What it says about its parts while it is not ready; empty when it is.
    pub fn is_not_ready(&self) -> String {
        match readiness(self.operations) {
            Ok(answer) if answer.starts_with("HTTP/1.1 200") => String::new(),
            Ok(answer) => answer,
            Err(error) => error.to_string(),
        }
    }

    /// Whether all its parts are ready now.
    pub fn is_ready(&self) -> bool {
        is_ready(self.operations)
    }

    /// How it ended, if it has.
    pub fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be asked")
    }

    /// Stops it where it stands: it does nothing, and its connections stay open.
    pub fn pause(&self) {
        kill_process(Pid::from_child(&self.child), Signal::STOP).expect("a child takes signals");
    }

    /// Lets it go on after [`NodeProcess::pause`].
    pub fn resume(&self) {
        kill_process(Pid::from_child(&self.child), Signal::CONT).expect("a child takes signals");
    }

    /// Sends SIGKILL and does not wait: several nodes can end in the same moment.
    pub fn strike(&self) {
        kill_process(Pid::from_child(&self.child), Signal::KILL).expect("a child takes signals");
    }

    /// Ends it as a power cut would end the process: SIGKILL, and gone when this returns.
    pub fn kill(mut self) {
        self.child.kill().expect("a child can be killed");
        self.child.wait().expect("a killed child ends");
    }

    /// Asks it to end: SIGTERM. It goes on until [`NodeProcess::ended`].
    pub fn ask_to_end(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).expect("a child takes signals");
    }

    /// Asks it to end as a terminal does: SIGINT. It goes on until [`NodeProcess::ended`].
    pub fn interrupt(&self) {
        kill_process(Pid::from_child(&self.child), Signal::INT).expect("a child takes signals");
    }

    /// Waits until it has ended by itself.
    pub fn ended(mut self) -> ExitStatus {
        wait_for_end(&mut self.child).unwrap_or_else(|| panic!("it does not end: {}", self.log()))
    }

    /// Asks it to end and waits until it has, in good order.
    pub fn stop(self) {
        self.ask_to_end();
        let log = self.log.clone();
        let status = self.ended();
        assert!(status.success(), "{status}: {}", std::fs::read_to_string(log).unwrap_or_default());
    }
}

impl Drop for NodeProcess {
    fn drop(&mut self) {
        // After `wait` these do nothing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait_for_end(child: &mut Child) -> Option<ExitStatus> {
    let until = Instant::now() + END_WAIT;
    loop {
        if let Some(status) = child.try_wait().expect("a child can be asked") {
            return Some(status);
        }
        if Instant::now() > until {
            return None;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// What a command said and how it ended.
pub struct Ran {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

/// Runs a command to its end, at most for as long as a node may take to start.
pub fn run(mut command: Command) -> Ran {
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary can be run");
    let (mut out, mut err) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        let _ = out.read_to_string(&mut text);
        text
    });
    let errors = std::thread::spawn(move || {
        let mut text = String::new();
        let _ = err.read_to_string(&mut text);
        text
    });
    let until = Instant::now() + START_WAIT;
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child can be asked") {
            break status;
        }
        if Instant::now() > until {
            let _ = child.kill();
            break child.wait().expect("a killed child ends");
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let text = |thread: std::thread::JoinHandle<String>| thread.join().expect("reading does not panic");
    Ran { status, stdout: text(reader), stderr: text(errors) }
}

/// Whether the operations listener says that all parts are ready.
fn is_ready(operations: SocketAddr) -> bool {
    readiness(operations).is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

/// The whole answer.
fn readiness(operations: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&operations, Duration::from_secs(1))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(stream, "GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
