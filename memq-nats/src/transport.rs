//! What memq asks of a connection.

use std::fmt;
use std::sync::Arc;

use memq::TopicName;
use memq::spi::{
    Boxed, Capabilities, Capability, Fault, OpenFault, RemoteTopic, TopicRequest, Transport,
};

use crate::link::Link;
use crate::settings::Storage;
use crate::topic::{self, Core, Topic};

/// A connection as a transport.
pub(crate) struct JetStream(Arc<Link>);

impl JetStream {
    pub(crate) fn new(link: Link) -> Self {
        Self(Arc::new(link))
    }
}

impl fmt::Debug for JetStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("JetStream").field(&self.0.settings).finish()
    }
}

fn shared(core: Arc<Core>) -> Arc<dyn RemoteTopic> {
    Arc::new(Topic(core))
}

impl Transport for JetStream {
    fn name(&self) -> &str {
        "JetStream"
    }

    fn capabilities(&self) -> Capabilities {
        let able = Capabilities::NONE
            .with(Capability::Partitions)
            .with(Capability::Dedup)
            .with(Capability::Ttl)
            .with(Capability::Reject)
            .with(Capability::Wait)
            .with(Capability::Groups)
            .with(Capability::KeyOrder)
            .with(Capability::GroupSeek);
        match self.0.settings.storage {
            Storage::File if self.0.keeps_groups => {
                able.with(Capability::Durable).with(Capability::DurableGroups)
            }
            Storage::File => able.with(Capability::Durable),
            Storage::Memory => able,
        }
    }

    fn open(&self, request: TopicRequest) -> Boxed<Result<Arc<dyn RemoteTopic>, OpenFault>> {
        let link = self.0.clone();
        Box::pin(async move { topic::open(link, request).await.map(shared) })
    }

    fn find(&self, name: &TopicName) -> Boxed<Result<Option<Arc<dyn RemoteTopic>>, Fault>> {
        let (link, name) = (self.0.clone(), name.clone());
        Box::pin(async move { Ok(topic::find(link, name).await?.map(shared)) })
    }

    fn topics(&self) -> Boxed<Result<Vec<TopicName>, Fault>> {
        Box::pin(topic::list(self.0.clone()))
    }

    fn delete(&self, name: &TopicName) -> Boxed<Result<bool, Fault>> {
        Box::pin(topic::delete(self.0.clone(), name.clone()))
    }

    fn run(&self, work: Boxed<()>) {
        self.0.tasks.run(work);
    }

    fn shut_down(&self) {
        self.0.shut_down();
    }
}
