//! What the page takes of the processor.

use std::path::Path;
use std::sync::LazyLock;
use std::time::Instant;

use spillway_local::emulator::client;
use spillway_page::{Server, Watch};
use spillway_stack::run::recording;
use spillway_tests::Stack;
use spillway_tests::processor::time_at_work;
use tokio::runtime::{Builder, Runtime};

/// The threads that record and serve have a name of their own, so that their time can be told from everything else's.
const THREADS: &str = "page";

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name(THREADS)
        .enable_all()
        .build()
        .expect("threads can be started")
});

/// A page of the stack, as `cargo local up` has it.
pub async fn serve(stack: &Stack) -> (Watch, Server) {
    // Connections of its own.
    let config = client::sdk_config(&stack.local_aws.endpoint());
    let name = stack.local_aws.stack_name().to_owned();
    let serving = RUNTIME.spawn(async move {
        let (watch, found) = recording::begin(&config, &name, "a local AWS").await.expect("the stack can be watched");
        let server = Server::listen(&watch, found).await.expect("the page can be served");
        (watch, server)
    });
    serving.await.expect("nothing panics")
}

/// A stretch of time in which the page was served.
pub struct Share {
    begun: Instant,
    seconds: f64,
}

impl Share {
    pub fn begin() -> Self {
        Self { begun: Instant::now(), seconds: cpu_seconds() }
    }

    /// How much of one core it has taken since, in percent.
    pub fn percent(&self) -> f64 {
        100.0 * (cpu_seconds() - self.seconds) / self.begun.elapsed().as_secs_f64()
    }
}

fn cpu_seconds() -> f64 {
    time_at_work(Path::new("/proc/self/task"), |name| name == THREADS).as_secs_f64()
}
