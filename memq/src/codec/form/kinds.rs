//! The three forms, and what each does in the log.

use std::convert::Infallible;
use std::sync::Arc;
use std::vec::IntoIter;

use super::{Encoded, Fitted, Form, Look, Packed, Raw, Reader, SLOT, Shared, Take, Writer};
use crate::error::{DecodeError, EncodeError};
use crate::key::Key;
use crate::record::{Body, Meta, Record};

impl<T: Send + Sync + 'static> Form<T> for Shared {
    type Stored = T;
    type Made = ();
    type Opened = ();

    #[inline]
    fn pack<L: Look<T>>(value: &T, _: &Writer<T>) -> Result<Packed<()>, EncodeError> {
        let size = L::footprint(value).saturating_add(SLOT);
        let key = L::key(value).map_or(0, |key| key.hash64());
        Ok(Packed { made: (), meta: None, key, size })
    }

    #[inline]
    fn store(value: &mut Option<T>, (): ()) -> T {
        match value.take() {
            Some(value) => value,
            None => unreachable!("a message was stored twice"),
        }
    }

    #[inline]
    fn store_next(values: &mut IntoIter<T>, _: usize, _: &mut Option<()>) -> T {
        match values.next() {
            Some(value) => value,
            None => unreachable!("a message was stored twice"),
        }
    }

    fn send<R: Send + Sync + Unpin + 'static>(_: &T, (): (), far: &Infallible) -> Body {
        match *far {}
    }

    const AS_IT_IS: bool = true;

    #[inline]
    fn open(_: &T, _: Option<&Arc<Meta>>, _: &Reader<T>) -> Result<(), DecodeError> {
        Ok(())
    }

    #[inline]
    fn opened() -> Option<fn()> {
        Some(|| ())
    }

    #[inline]
    fn get<'a>(stored: &'a T, (): &'a ()) -> &'a T {
        stored
    }

    fn again(_: &T) -> Option<T> {
        None
    }

    type Far<R: Send + Sync + Unpin + 'static> = Infallible;

    fn far<R: Send + Sync + Unpin + 'static>(_: R) -> Option<Infallible> {
        None
    }

    fn there<R: Send + Sync + Unpin + 'static>(far: &Infallible) -> &R {
        match *far {}
    }

    fn there_mut<R: Send + Sync + Unpin + 'static>(far: &mut Infallible) -> &mut R {
        match *far {}
    }

    fn instead<R, S>(far: &Infallible, _: S) -> Infallible
    where
        R: Send + Sync + Unpin + 'static,
        S: Send + Sync + Unpin + 'static,
    {
        *far
    }

    fn depart<R: Send + Sync + Unpin + 'static>(_: T, far: &Infallible) -> Body {
        match *far {}
    }

    fn arrive<R: Send + Sync + Unpin + 'static>(_: Body, far: &Infallible) -> T {
        match *far {}
    }
}

impl<T: Clone + Send + Sync + 'static> Take<T> for Shared {
    fn take(stored: &T, (): ()) -> T {
        stored.clone()
    }
}

/// What forms have in common that keep bytes: they are copied, and leave as they are.
macro_rules! kept_as_bytes {
    () => {
        fn again(stored: &Body) -> Option<Body> {
            Some(stored.clone())
        }

        type Far<R: Send + Sync + Unpin + 'static> = R;

        fn far<R: Send + Sync + Unpin + 'static>(there: R) -> Option<R> {
            Some(there)
        }

        fn there<R: Send + Sync + Unpin + 'static>(far: &R) -> &R {
            far
        }

        fn there_mut<R: Send + Sync + Unpin + 'static>(far: &mut R) -> &mut R {
            far
        }

        fn instead<R, S>(_: &R, there: S) -> S
        where
            R: Send + Sync + Unpin + 'static,
            S: Send + Sync + Unpin + 'static,
        {
            there
        }

        fn depart<R: Send + Sync + Unpin + 'static>(stored: Body, _: &R) -> Body {
            stored
        }

        fn arrive<R: Send + Sync + Unpin + 'static>(body: Body, _: &R) -> Body {
            body
        }
    };
}

impl<T: Send + Sync + 'static> Form<T> for Encoded {
    type Stored = Body;
    type Made = Body;
    type Opened = T;

    fn pack<L: Look<T>>(value: &T, writer: &Writer<T>) -> Result<Packed<Body>, EncodeError> {
        let made = writer.encode(value)?;
        let size = made.bytes.len() + SLOT;
        let key = L::key(value);
        let hash = key.as_ref().map_or(0, Key::hash64);
        let meta = Meta::share(key.map(Key::into_owned), Default::default());
        Ok(Packed { made, meta, key: hash, size })
    }

    fn store(_: &mut Option<T>, made: Body) -> Body {
        made
    }

    fn store_next(_: &mut IntoIter<T>, _: usize, made: &mut Option<Body>) -> Body {
        match made.take() {
            Some(made) => made,
            None => unreachable!("a message was stored twice"),
        }
    }

    fn send<R: Send + Sync + Unpin + 'static>(_: &T, made: Body, _: &R) -> Body {
        made
    }

    fn open(stored: &Body, _: Option<&Arc<Meta>>, reader: &Reader<T>) -> Result<T, DecodeError> {
        if stored.about.is_sealed() {
            return reader.decode(&reader.unseal(stored)?);
        }
        reader.decode(stored)
    }

    fn get<'a>(_: &'a Body, opened: &'a T) -> &'a T {
        opened
    }

    kept_as_bytes!();
}

impl<T: Send + Sync + 'static> Take<T> for Encoded {
    fn take(_: &Body, opened: T) -> T {
        opened
    }
}

impl Form<Record> for Raw {
    type Stored = Body;
    type Made = Fitted;
    type Opened = Record;

    #[inline]
    fn pack<L: Look<Record>>(
        record: &Record,
        writer: &Writer<Record>,
    ) -> Result<Packed<Fitted>, EncodeError> {
        let made = writer.fit(record)?;
        let size = made.written.as_deref().unwrap_or(&record.body).bytes.len() + SLOT;
        let key = record.key().map_or(0, |key| key.hash64());
        Ok(Packed { made, meta: record.meta.clone(), key, size })
    }

    #[inline]
    fn store(record: &mut Option<Record>, made: Fitted) -> Body {
        if let Some(body) = made.written {
            return *body;
        }
        match record.take() {
            Some(record) => Body { about: made.about, ..record.body },
            None => unreachable!("a message was stored twice"),
        }
    }

    #[inline]
    fn store_next(records: &mut IntoIter<Record>, at: usize, made: &mut Option<Fitted>) -> Body {
        let (Some(record), Some(made)) = (records.as_mut_slice().get_mut(at), made.take()) else {
            unreachable!("a message was stored twice")
        };
        match made.written {
            Some(body) => *body,
            None => Body { about: made.about, ..record.body.take() },
        }
    }

    fn send<R: Send + Sync + Unpin + 'static>(record: &Record, made: Fitted, _: &R) -> Body {
        match made.written {
            Some(body) => *body,
            None => Body { about: made.about, ..record.body.clone() },
        }
    }

    #[inline]
    fn open(
        stored: &Body,
        meta: Option<&Arc<Meta>>,
        reader: &Reader<Record>,
    ) -> Result<Record, DecodeError> {
        let unseal = stored.about.is_sealed() && !reader.keep_sealed;
        let mut body = if unseal { reader.unseal(stored)? } else { stored.clone() };
        if !reader.dictionaries.is_empty() {
            body.dictionaries = body.dictionaries.and(&reader.dictionaries);
        }
        Ok(Record { body, meta: meta.cloned() })
    }

    fn get<'a>(_: &'a Body, opened: &'a Record) -> &'a Record {
        opened
    }

    kept_as_bytes!();
}

impl Take<Record> for Raw {
    fn take(_: &Body, opened: Record) -> Record {
        opened
    }
}
