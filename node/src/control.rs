//! What an operator asks of a running node, alone or not, from beside it: over a socket in its data directory.
//!
//! Whoever may open the directory's files may ask; nobody else can. One line of JSON each way, then the end.

use crate::backend::NodeBackend;
use crate::backup::{Backups, Made};
use crate::blobs::NodeBlobs;
use crate::tenant_restore::{self, Arrival, ImportShop};
use serde::{Deserialize, Serialize};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;

const SOCKET: &str = "control";
/// A question is one short line.
const LINE_BYTES_MAX: u64 = 64 << 10;
/// Somebody who connected and says nothing is let go.
const QUESTION_WAIT: Duration = Duration::from_secs(10);

/// What may be asked.
#[derive(Debug, Serialize, Deserialize)]
pub enum Question {
    /// A backup of every group, now.
    BackUp,
    /// Takes a shop's bundles in.
    Import(ImportShop),
}

#[derive(Debug, Serialize, Deserialize)]
pub enum Answer {
    BackedUp(Vec<Made>),
    Imported(Arrival),
    Failed(String),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    #[error("no node runs on {path}: {source}")]
    NotRunning { path: String, source: io::Error },
    #[error("the node refuses: {0}")]
    Failed(String),
    #[error("the node's answer is not understood")]
    Answer,
}

/// What questions are answered with.
#[derive(Clone)]
pub struct Desk {
    pub backups: Option<Backups>,
    pub backend: Arc<NodeBackend>,
    pub blobs: NodeBlobs,
}

/// Listens until the node stops.
pub fn serve(
    data_dir: &Path,
    desk: Desk,
    stop: CancellationToken,
) -> io::Result<tokio::task::JoinHandle<()>> {
    let path = data_dir.join(SOCKET);
    // What an earlier process left; the directory's lock says that there is no other.
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok(tokio::spawn(async move {
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => drop(tokio::spawn(answer(stream, desk.clone()))),
                    Err(error) => {
                        tracing::warn!(%error, "the control socket");
                        tokio::time::sleep(Duration::from_secs(1)).await;
                    }
                },
            }
        }
        // Whoever copies a stopped node's files finds only files.
        let _ = std::fs::remove_file(&path);
    }))
}

async fn answer(stream: UnixStream, desk: Desk) {
    let (reading, mut writing) = stream.into_split();
    let mut line = String::new();
    let mut reader = BufReader::new(reading.take(LINE_BYTES_MAX));
    let read = tokio::time::timeout(QUESTION_WAIT, reader.read_line(&mut line)).await;
    if !matches!(read, Ok(Ok(_))) {
        return;
    }
    let answer = match serde_json::from_str(&line) {
        Ok(question) => desk.answer(question).await,
        Err(error) => Answer::Failed(error.to_string()),
    };
    let mut text = serde_json::to_vec(&answer).unwrap_or_default();
    text.push(b'\n');
    // Whoever asked may have gone.
    let _ = writing.write_all(&text).await;
}

impl Desk {
    async fn answer(&self, question: Question) -> Answer {
        match question {
            Question::BackUp => match &self.backups {
                None => Answer::Failed("backup.target is not set".into()),
                Some(backups) => match backups.now().await {
                    Ok(made) => Answer::BackedUp(made),
                    Err(error) => Answer::Failed(error.to_string()),
                },
            },
            Question::Import(shop) => {
                match tenant_restore::take_in(&self.backend, &self.blobs, &shop).await {
                    Ok(arrival) => Answer::Imported(arrival),
                    Err(error) => Answer::Failed(error.to_string()),
                }
            }
        }
    }
}

/// Asks the node that runs on a directory.
pub async fn ask(data_dir: &Path, question: &Question) -> Result<Answer, ControlError> {
    let path: PathBuf = data_dir.join(SOCKET);
    let not_running = |source| ControlError::NotRunning { path: data_dir.display().to_string(), source };
    let mut stream = UnixStream::connect(&path).await.map_err(not_running)?;
    let mut text = serde_json::to_vec(question).map_err(|_| ControlError::Answer)?;
    text.push(b'\n');
    stream.write_all(&text).await.map_err(not_running)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.map_err(not_running)?;
    match serde_json::from_slice(&answer).map_err(|_| ControlError::Answer)? {
        Answer::Failed(reason) => Err(ControlError::Failed(reason)),
        answer => Ok(answer),
    }
}
