//! The vocabulary of `#[topic(…)]`, and what somebody probably meant by a word that is not in it.
//! It never decides: every guess ends in an error text.

/// The words of one kind: options, formats, compressions, …
pub(crate) struct Vocabulary {
    /// What the words are: "option", "format".
    kind: &'static str,
    /// The words, each with an example of its use.
    pub(crate) words: &'static [(&'static str, &'static str)],
    /// Words of other libraries, each with ours.
    synonyms: &'static [(&'static str, &'static str)],
}

/// The options of a type.
pub(crate) const OPTIONS: Vocabulary = Vocabulary {
    kind: "option",
    words: &[
        ("name", "name = \"orders\""),
        ("format", "format = Json"),
        ("codec", "codec = my::Codec"),
        ("compress", "compress = Zstd"),
        ("ttl", "ttl = \"1h 30m\""),
        ("max", "max = 10_000"),
        ("max_bytes", "max_bytes = \"64MiB\""),
        ("overflow", "overflow = Wait"),
        ("partitions", "partitions = 8"),
        ("dedup", "dedup = \"2m\""),
        ("retain", "retain = UntilConsumed"),
        ("key_with", "key_with = Self::topic_key"),
        ("footprint_with", "footprint_with = Self::bytes"),
        ("version", "version = 2"),
        ("upcast_from", "upcast_from = OrderV1"),
        ("try_upcast_from", "try_upcast_from = OrderV1"),
        ("crate", "crate = my_crate::memq"),
    ],
    synonyms: &[
        ("topic", "name"),
        ("topic_name", "name"),
        ("title", "name"),
        ("subject", "name"),
        ("queue", "name"),
        ("channel", "name"),
        ("rename", "name"),
        ("encoding", "format"),
        ("serialization", "format"),
        ("serializer", "format"),
        ("content_type", "format"),
        ("encoder", "codec"),
        ("compression", "compress"),
        ("compressed", "compress"),
        ("compressor", "compress"),
        ("expires", "ttl"),
        ("expiry", "ttl"),
        ("expiration", "ttl"),
        ("expire_after", "ttl"),
        ("max_age", "ttl"),
        ("time_to_live", "ttl"),
        ("lifetime", "ttl"),
        ("retention_time", "ttl"),
        ("retention_ms", "ttl"),
        ("capacity", "max"),
        ("max_messages", "max"),
        ("max_len", "max"),
        ("max_size", "max"),
        ("size", "max"),
        ("limit", "max"),
        ("depth", "max"),
        ("bound", "max"),
        ("bytes", "max_bytes"),
        ("max_memory", "max_bytes"),
        ("memory", "max_bytes"),
        ("when_full", "overflow"),
        ("on_full", "overflow"),
        ("backpressure", "overflow"),
        ("eviction", "overflow"),
        ("lru", "overflow"),
        ("partition", "partitions"),
        ("partition_count", "partitions"),
        ("num_partitions", "partitions"),
        ("shard", "partitions"),
        ("shards", "partitions"),
        ("lanes", "partitions"),
        ("dedupe", "dedup"),
        ("dedup_window", "dedup"),
        ("deduplicate", "dedup"),
        ("deduplication", "dedup"),
        ("deduplication_window", "dedup"),
        ("duplicates", "dedup"),
        ("duplicate_window", "dedup"),
        ("idempotence", "dedup"),
        ("idempotency", "dedup"),
        ("idempotent", "dedup"),
        ("exactly_once", "dedup"),
        ("retained", "retain"),
        ("retention", "retain"),
        ("retention_policy", "retain"),
        ("keep", "retain"),
        ("cleanup", "retain"),
        ("cleanup_policy", "retain"),
        ("key_by", "key_with"),
        ("key_fn", "key_with"),
        ("partition_by", "key_with"),
        ("partition_key", "key_with"),
        ("footprint", "footprint_with"),
        ("size_with", "footprint_with"),
        ("bytes_with", "footprint_with"),
        ("weight", "footprint_with"),
        ("weigher", "footprint_with"),
        ("schema_version", "version"),
        ("revision", "version"),
        ("rev", "version"),
        ("generation", "version"),
        ("upcast", "upcast_from"),
        ("upgrade_from", "upcast_from"),
        ("migrate_from", "upcast_from"),
        ("convert_from", "upcast_from"),
        ("previous", "upcast_from"),
        ("old", "upcast_from"),
        ("from", "upcast_from"),
        ("supersedes", "upcast_from"),
        ("try_upcast", "try_upcast_from"),
        ("try_upgrade_from", "try_upcast_from"),
        ("try_migrate_from", "try_upcast_from"),
        ("try_from", "try_upcast_from"),
        ("krate", "crate"),
        ("memq", "crate"),
    ],
};

/// What is said of a consumer group or of a worker, each with the call that says it.
const ELSEWHERE: &[(&[&str], &str)] = &[
    (&["group", "group_id", "consumer_group", "consumer"], ".group(\"billing\")"),
    (
        &["dead_letter", "dead_letters", "dead_letter_topic", "dead_letter_queue", "dlq", "dlt"],
        ".group(\"billing\").dead_letter(\"orders-dead\")",
    ),
    (
        &["max_attempts", "attempts", "max_deliver", "max_deliveries", "max_retries", "retries"],
        ".group(\"billing\").max_attempts(3)",
    ),
    (
        &["ack_deadline", "ack_timeout", "ack_wait", "visibility_timeout"],
        ".group(\"billing\").ack_deadline(Duration::from_secs(30))",
    ),
    (&["max_in_flight", "in_flight", "max_ack_pending"], ".group(\"billing\").max_in_flight(64)"),
    (&["prefetch"], ".group(\"billing\").prefetch(64)"),
    (&["auto_ack"], ".group(\"billing\").auto_ack()"),
    (&["any_order"], ".group(\"billing\").any_order()"),
    (&["backoff"], ".group(\"billing\").backoff(Backoff::default())"),
    (&["retry"], ".group(\"billing\").await?.run(handler).retry(Backoff::default())"),
    (
        &["concurrency", "workers", "handlers", "parallelism"],
        ".group(\"billing\").await?.run(handler).concurrency(4)",
    ),
    (&["time_limit"], ".group(\"billing\").await?.run(handler).time_limit(Duration::from_secs(5))"),
];

/// What to say about a word that is not of a topic, but of those who read it.
pub(crate) fn elsewhere(word: &str) -> Option<String> {
    let word_folded = fold(word);
    let is_it = |words: &[&str]| words.iter().any(|known| fold(known) == word_folded);
    let (_, call) = ELSEWHERE.iter().find(|(words, _)| is_it(words))?;
    Some(format!(
        "there is no option `{word}`: that is said where the topic is read, as in \
         `broker.subscriber::<T>(){call}`"
    ))
}

/// The values of `format`.
pub(crate) const FORMATS: Vocabulary = Vocabulary {
    kind: "format",
    words: &[
        ("Json", "format = Json"),
        ("MessagePack", "format = MessagePack"),
        ("Postcard", "format = Postcard"),
        ("Bincode", "format = Bincode"),
        ("Native", "format = Native"),
    ],
    synonyms: &[
        ("serde_json", "Json"),
        ("jsonl", "Json"),
        ("msgpack", "MessagePack"),
        ("mpk", "MessagePack"),
        ("rmp", "MessagePack"),
        ("rmp_serde", "MessagePack"),
        ("binary", "Bincode"),
        ("memory", "Native"),
        ("none", "Native"),
        ("shared", "Native"),
    ],
};

/// The values of `compress`.
pub(crate) const COMPRESSIONS: Vocabulary = Vocabulary {
    kind: "compression",
    words: &[("Zstd", "compress = Zstd"), ("Gzip", "compress = Gzip"), ("None", "compress = None")],
    synonyms: &[
        ("zst", "Zstd"),
        ("zstandard", "Zstd"),
        ("true", "Zstd"),
        ("gz", "Gzip"),
        ("deflate", "Gzip"),
        ("zlib", "Gzip"),
        ("false", "None"),
        ("off", "None"),
        ("no", "None"),
    ],
};

/// What stands beside the level of a compression.
pub(crate) const SETTINGS: Vocabulary = Vocabulary {
    kind: "setting of a compression",
    words: &[("dict", "dict = \"orders.dict\"")],
    synonyms: &[
        ("dictionary", "dict"),
        ("dictionary_file", "dict"),
        ("dict_file", "dict"),
        ("dict_path", "dict"),
        ("path", "dict"),
        ("file", "dict"),
    ],
};

/// The values of `overflow`.
pub(crate) const OVERFLOWS: Vocabulary = Vocabulary {
    kind: "overflow",
    words: &[
        ("DropOldest", "overflow = DropOldest"),
        ("Reject", "overflow = Reject"),
        ("Wait", "overflow = Wait"),
    ],
    synonyms: &[
        ("drop", "DropOldest"),
        ("drop_old", "DropOldest"),
        ("overwrite", "DropOldest"),
        ("evict", "DropOldest"),
        ("ring", "DropOldest"),
        ("lru", "DropOldest"),
        ("drop_new", "Reject"),
        ("drop_newest", "Reject"),
        ("error", "Reject"),
        ("fail", "Reject"),
        ("block", "Wait"),
        ("backpressure", "Wait"),
        ("park", "Wait"),
    ],
};

/// The values of `retain`.
pub(crate) const RETAINS: Vocabulary = Vocabulary {
    kind: "retention",
    words: &[
        // First what somebody who writes the option wants.
        ("UntilConsumed", "retain = UntilConsumed"),
        ("WithinLimits", "retain = WithinLimits"),
    ],
    synonyms: &[
        ("consumed", "UntilConsumed"),
        ("until_read", "UntilConsumed"),
        ("until_acked", "UntilConsumed"),
        ("interest", "UntilConsumed"),
        ("work_queue", "UntilConsumed"),
        ("queue", "UntilConsumed"),
        ("limits", "WithinLimits"),
        ("log", "WithinLimits"),
    ],
};

impl Vocabulary {
    /// An example of the word's use, if it is one of ours.
    pub(crate) fn example(&self, word: &str) -> Option<&'static str> {
        self.words.iter().find(|(known, _)| *known == word).map(|(_, example)| *example)
    }

    /// What to say about a word that is not one of ours.
    pub(crate) fn unknown(&self, word: &str) -> String {
        let kind = self.kind;
        match self.guess(word) {
            Some(Guess::Sure(ours)) => self.called(word, ours),
            Some(Guess::Near(ours)) => {
                format!("there is no {kind} `{word}`: did you mean `{ours}`?")
            }
            None => {
                let all: Vec<_> = self.words.iter().map(|(word, _)| format!("`{word}`")).collect();
                match all.split_last() {
                    Some((last, others)) if !others.is_empty() => {
                        format!("there is no {kind} `{word}`: use {} or {last}", others.join(", "))
                    }
                    _ => format!("there is no {kind} `{word}`: use {}", all.concat()),
                }
            }
        }
    }

    /// What to say about a word that certainly means one of ours.
    pub(crate) fn called(&self, word: &str, ours: &str) -> String {
        format!("there is no {} `{word}`: it is called `{ours}`", self.kind)
    }

    /// Our word for it, only where there is no doubt.
    pub(crate) fn sure(&self, word: &str) -> Option<&'static str> {
        match self.guess(word)? {
            Guess::Sure(ours) => Some(ours),
            Guess::Near(_) => None,
        }
    }

    /// Our word for it, perhaps.
    pub(crate) fn meant(&self, word: &str) -> Option<&'static str> {
        match self.guess(word)? {
            Guess::Sure(ours) | Guess::Near(ours) => Some(ours),
        }
    }

    fn guess(&self, word: &str) -> Option<Guess> {
        let word = fold(word);
        let all = || {
            let ours = self.words.iter().map(|(word, _)| (*word, *word));
            ours.chain(self.synonyms.iter().copied())
        };
        if let Some((_, ours)) = all().find(|(known, _)| fold(known) == word) {
            return Some(Guess::Sure(ours));
        }
        // One slip in a short word of ours, up to three in a long one; in a synonym one.
        let ours = |known: &str| self.example(known).is_some();
        let limit = |known: &str| if ours(known) { word.len().div_ceil(4).min(3) } else { 1 };
        let near = all().map(|(known, ours)| (distance(&fold(known), &word), limit(known), ours));
        near.filter(|(off, limit, _)| off <= limit).min().map(|(_, _, ours)| Guess::Near(ours))
    }
}

enum Guess {
    /// The same word in other letters, or a synonym.
    Sure(&'static str),
    /// A few letters off.
    Near(&'static str),
}

/// A name for the topic of a type: `OrderLine` becomes `order-line`.
pub(crate) fn topic_name(type_name: &str) -> String {
    let letters: Vec<char> =
        type_name.trim_start_matches("r#").chars().filter(char::is_ascii_alphanumeric).collect();
    let mut name = String::new();
    for (at, letter) in letters.iter().enumerate() {
        // A capital begins a word after a small letter, and before one: `HTTPLog` is `http-log`.
        let after_small = at > 0 && !letters[at - 1].is_ascii_uppercase();
        let before_small = letters.get(at + 1).is_some_and(char::is_ascii_lowercase);
        if letter.is_ascii_uppercase() && at > 0 && (after_small || before_small) {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name.truncate(60);
    if name.is_empty() { "messages".into() } else { name }
}

/// Letters and digits alone, in lower case.
fn fold(word: &str) -> String {
    word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Letters to add, drop, change or swap with a neighbour to get from one word to the other.
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in to.iter().enumerate() {
            let mut best = (last[j] + usize::from(a != b)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == to[j - 1] && from[i - 1] == *b {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_found_and_a_stranger_is_not() {
        assert_eq!(OPTIONS.unknown("nmae"), "there is no option `nmae`: did you mean `name`?");
        assert_eq!(
            OPTIONS.unknown("ovreflow"),
            "there is no option `ovreflow`: did you mean `overflow`?"
        );
        assert_eq!(
            OPTIONS.unknown("compresion"),
            "there is no option `compresion`: did you mean `compress`?"
        );
        assert_eq!(
            FORMATS.unknown("Xml"),
            "there is no format `Xml`: use `Json`, `MessagePack`, `Postcard`, `Bincode` or `Native`"
        );
        assert!(OPTIONS.guess("durability").is_none());
    }

    #[test]
    fn words_of_others_are_known_in_any_letters() {
        assert_eq!(OPTIONS.sure("Compression"), Some("compress"));
        assert_eq!(OPTIONS.sure("maxMessages"), Some("max"));
        assert_eq!(OPTIONS.sure("Shards"), Some("partitions"));
        assert_eq!(OPTIONS.sure("idempotence"), Some("dedup"));
        assert_eq!(OPTIONS.sure("retention"), Some("retain"));
        assert_eq!(OPTIONS.sure("partition_key"), Some("key_with"));
        assert_eq!(OPTIONS.sure("migrate_from"), Some("upcast_from"));
        assert_eq!(FORMATS.sure("msg-pack"), Some("MessagePack"));
        assert_eq!(OVERFLOWS.sure("drop_oldest"), Some("DropOldest"));
        assert_eq!(RETAINS.sure("until_consumed"), Some("UntilConsumed"));
    }

    #[test]
    fn what_is_of_readers_is_no_option() {
        for word in ELSEWHERE.iter().flat_map(|(words, _)| *words) {
            assert!(OPTIONS.sure(word).is_none(), "{word}");
        }
        assert!(elsewhere("deadLetter").unwrap().ends_with("dead_letter(\"orders-dead\")`"));
        assert_eq!(elsewhere("durability"), None);
    }

    #[test]
    fn every_synonym_leads_to_a_word() {
        for vocabulary in [&OPTIONS, &FORMATS, &COMPRESSIONS, &SETTINGS, &OVERFLOWS, &RETAINS] {
            for (synonym, ours) in vocabulary.synonyms {
                assert!(vocabulary.example(ours).is_some(), "{synonym}");
                assert!(vocabulary.example(synonym).is_none(), "{synonym}");
            }
        }
    }

    #[test]
    fn distances() {
        assert_eq!(distance("", "ab"), 2);
        assert_eq!(distance("name", "nmae"), 1);
        assert_eq!(distance("json", "jason"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn a_name_for_a_topic() {
        for (type_name, topic) in [
            ("Order", "order"),
            ("OrderLine", "order-line"),
            ("HTTPLog", "http-log"),
            ("V2Order", "v2-order"),
            ("r#Type", "type"),
            ("Ä", "messages"),
        ] {
            assert_eq!(topic_name(type_name), topic);
        }
    }
}
