//! What the derive lets through at its limits, memq takes: these constants are evaluated by memq.

use memq::{Topic, TopicSpec};
use serde::{Deserialize, Serialize};

macro_rules! topic {
    ($type:ident, $($option:tt)*) => {
        #[derive(Serialize, Deserialize, Topic)]
        #[topic($($option)*)]
        struct $type;

        const _: TopicSpec = $type::SPEC;
    };
}

topic!(LowestZstd, name = "a", format = Json, compress = Zstd(-7));
topic!(HighestZstd, name = "a", format = Json, compress = Zstd(22));
topic!(LowestGzip, name = "a", format = Json, compress = Gzip(0));
topic!(HighestGzip, name = "a", format = Json, compress = Gzip(9));
topic!(Shortest, name = "a", ttl = "1ns", max = 1, max_bytes = 1);
topic!(Longest, name = "a-_.Z.9", ttl = "18446744073709551615s 999999999ns", max_bytes = "1 GiB");
topic!(LongestName, name = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
topic!(Fewest, name = "a", partitions = 1, dedup = "1ns");
topic!(Most, name = "a", partitions = 65_535u16, dedup = "18446744073709551615s 999999999ns");
topic!(Hex, name = "a", max = 0x10, max_bytes = 0b1);

fn main() {
    assert_eq!(Hex::SPEC, TopicSpec::new("a").max_messages(16).max_bytes(1));
    assert_eq!(Most::SPEC.partitions(1).dedup(std::time::Duration::from_nanos(1)), Fewest::SPEC);
    assert_eq!(LongestName::SPEC.name().len(), 200);
}
