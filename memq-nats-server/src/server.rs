//! One nats-server with JetStream: started on loopback, killed, stopped, and started again with its store.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::eventually::soon;
use crate::process::Process;
use crate::{Binary, ports};

/// How often a start is tried whose port somebody else took in the meantime.
const TRIES: usize = 10;

/// A nats-server of its own, with its store in a temporary folder. Dropped, it is killed and its store is
/// removed.
#[derive(Debug)]
pub struct Server {
    binary: Binary,
    name: String,
    port: u16,
    /// What is in its configuration beside what every server here has.
    extra: String,
    folder: PathBuf,
    running: Mutex<Option<Running>>,
}

/// One run of the program.
#[derive(Debug)]
struct Running {
    process: Process,
    monitor: SocketAddr,
}

impl Server {
    /// Starts a server; it takes connections when this returns.
    ///
    /// # Errors
    ///
    /// Where it does not start, with what it wrote to its log.
    pub fn start(binary: &Binary) -> io::Result<Self> {
        Self::with(binary, "")
    }

    /// Starts a server with more in its configuration: `max_payload: 64KB`.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn with(binary: &Binary, configuration: &str) -> io::Result<Self> {
        Self::unless_taken(|| {
            let server = Self::down(binary, "alone", configuration)?;
            server.restart()?;
            Ok(server)
        })
    }

    /// Tries again, with other ports, where a port was taken between being found free and being used.
    pub(crate) fn unless_taken<T>(mut start: impl FnMut() -> io::Result<T>) -> io::Result<T> {
        for _ in 1..TRIES {
            match start() {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => (),
                done => return done,
            }
        }
        start()
    }

    /// A server that is still to be started.
    pub(crate) fn down(binary: &Binary, name: &str, extra: &str) -> io::Result<Self> {
        static STARTED: AtomicU64 = AtomicU64::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("memq-nats-{}-{number}", process::id()));
        // Of a process that had this number before, and was killed together with what tidies up.
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        let (name, extra) = (name.to_string(), extra.to_string());
        let port = ports::free()?;
        Ok(Self { binary: binary.clone(), name, port, extra, folder, running: Mutex::new(None) })
    }

    /// Starts it again, at the same address and with what it had stored. If it runs it is killed first.
    ///
    /// # Errors
    ///
    /// Where it does not start, with what it wrote to its log.
    pub fn restart(&self) -> io::Result<()> {
        let mut running = self.running();
        self.end(&mut running);
        fs::write(self.folder.join("conf"), self.configuration())?;
        let log = File::options().create(true).append(true).open(self.log_file())?;
        let mut command = Command::new(self.binary.path());
        command.arg("-c").arg(self.folder.join("conf"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let mut process = Process::start(&mut command, &self.folder)?;
        let ports = self.wait_for_ports(&mut process)?;
        *running = Some(Running { process, monitor: ports.monitor });
        Ok(())
    }

    /// Kills it as `kill -9` does: it writes nothing any more. Nothing happens where it does not run.
    pub fn kill9(&self) {
        self.end(&mut self.running());
    }

    /// Stops it in order, and waits until it is gone. Nothing happens where it does not run.
    ///
    /// # Errors
    ///
    /// Where it does not stop.
    pub fn stop(&self) -> io::Result<()> {
        let mut running = self.running();
        let Some(run) = &mut *running else { return Ok(()) };
        let signal = format!("quit={}", run.process.pid());
        let sent = Command::new(self.binary.path()).args(["--signal", &signal]).output()?;
        if !sent.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&sent.stderr).into_owned()));
        }
        if soon(|| run.process.ended())?.is_none() {
            return Err(self.failed(io::ErrorKind::TimedOut, "does not stop"));
        }
        // It is gone; this forgets it.
        self.end(&mut running);
        Ok(())
    }

    /// Whether it runs: it was started, and has not ended by itself.
    pub fn is_running(&self) -> bool {
        self.running().as_mut().is_some_and(|run| matches!(run.process.ended(), Ok(None)))
    }

    /// Where clients find it, `nats://127.0.0.1:…`; the same after a restart.
    pub fn url(&self) -> String {
        format!("nats://{}", self.addr())
    }

    /// Where clients find it.
    pub fn addr(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The name it has in a cluster.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The program it runs.
    pub fn binary(&self) -> &Binary {
        &self.binary
    }

    /// The number of its process, while there is one.
    pub fn pid(&self) -> Option<u32> {
        self.running().as_ref().map(|run| run.process.pid())
    }

    /// The folder it stores in. Gone when the server is dropped.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What it wrote to its log so far, in all its runs.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// Where it answers questions about itself, while it runs.
    pub(crate) fn monitor(&self) -> Option<SocketAddr> {
        self.running().as_ref().map(|run| run.monitor)
    }

    /// The last lines of its log, for an error.
    pub(crate) fn end_of_log(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }

    fn log_file(&self) -> PathBuf {
        self.folder.join("log")
    }

    fn configuration(&self) -> String {
        let Self { name, port, extra, folder, .. } = self;
        let folder = folder.display();
        // Room of its own, so that it does not depend on how full the disk is.
        format!(
            "server_name: \"{name}\"\n\
             listen: \"127.0.0.1:{port}\"\n\
             http: \"127.0.0.1:-1\"\n\
             ports_file_dir: \"{folder}\"\n\
             jetstream {{ store_dir: \"{folder}/store\", max_memory_store: 1GB, max_file_store: 100TB }}\n\
             {extra}\n"
        )
    }

    /// A panic elsewhere leaves nothing half done here.
    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ports file is written when the server takes connections.
    fn wait_for_ports(&self, process: &mut Process) -> io::Result<ports::Ports> {
        let file = self.ports_file(process.pid());
        let log_before = self.log().len();
        let ports = soon(|| {
            if let Some(ports) = ports::read(&file) {
                if ports.client != self.addr() {
                    let what = format!("listens on {}", ports.client);
                    return Err(self.failed(io::ErrorKind::Other, &what));
                }
                return Ok(Some(ports));
            }
            if let Some(status) = process.ended()? {
                let taken = self.log()[log_before..].contains("address already in use");
                let kind = if taken { io::ErrorKind::AddrInUse } else { io::ErrorKind::Other };
                return Err(self.failed(kind, &format!("ended with {status}")));
            }
            Ok(None)
        })?;
        ports.ok_or_else(|| self.failed(io::ErrorKind::TimedOut, "does not come up"))
    }

    /// A process that is killed leaves its ports file, which the next one with its number would seem to have written.
    fn ports_file(&self, pid: u32) -> PathBuf {
        self.folder.join(format!("nats-server_{pid}.ports"))
    }

    fn end(&self, running: &mut Option<Running>) {
        let Some(Running { process, .. }) = running.take() else { return };
        let file = self.ports_file(process.pid());
        drop(process);
        // One that was stopped in order has removed it.
        let _ = fs::remove_file(file);
    }

    /// An error that says which server, and the end of its log.
    fn failed(&self, kind: io::ErrorKind, what: &str) -> io::Error {
        let log = self.end_of_log();
        io::Error::new(kind, format!("{} `{}` {what}; its log:\n{log}", self.binary, self.name))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill9();
        // Where this fails there is nobody to tell.
        let _ = fs::remove_dir_all(&self.folder);
    }
}
