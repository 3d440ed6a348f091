#!/usr/bin/env python3
"""A program that knows nothing of memq, on the same topic as programs that use it.

    foreign.py URL NAMESPACE

With a plain NATS client (pip install nats-py) it reads what memq has published to the topic "orders", as
an ordinary durable consumer that acknowledges, and publishes orders that memq reads as its type. What it
sees it prints, as a line of JSON for each thing. `foreign.rs` is the other half, and says how to start this.
"""

import asyncio
import base64
import json
import sys

import nats
from nats.js.api import AckPolicy, ConsumerConfig


def tell(**said):
    print(json.dumps(said, ensure_ascii=False), flush=True)


async def read(js, stream):
    """Everything that is there, by a consumer of this program's own.

    Its name has no "=": those that have one are memq's groups.
    """
    ours = ConsumerConfig(ack_policy=AckPolicy.EXPLICIT, durable_name="tea-house")
    orders = await js.pull_subscribe("", "tea-house", stream, config=ours)
    left = (await js.consumer_info(stream, "tea-house")).num_pending
    while left:
        for message in await orders.fetch(left, timeout=30):
            tell(
                subject=message.subject,
                # The server counts from 1 and memq from 0.
                offset=message.metadata.sequence.stream - 1,
                headers=dict(message.headers or {}),
                # Plain JSON: Content-Type says so.
                order=json.loads(message.data),
            )
            await message.ack_sync(timeout=30)
            left -= 1
    info = await js.consumer_info(stream, "tea-house")
    tell(acknowledged=info.ack_floor.stream_seq, unacknowledged=info.num_ack_pending)


async def publish(js, topic):
    """Orders as memq reads them: the last token of the subject says whether there is a key."""

    async def order(kind, customer, item, headers=None):
        payload = json.dumps({"customer": customer, "item": item}, ensure_ascii=False).encode()
        # The server's word that it is stored.
        stored = await js.publish(f"{topic}.0.{kind}", payload, timeout=30, headers=headers)
        tell(published=item, offset=stored.seq - 1, duplicate=bool(stored.duplicate))

    # A bare payload, and nothing else.
    await order("n", "ann", "tea")
    # With a key, a header of the program's own, and an id: published twice, it is stored once.
    mate = {
        "Content-Type": "application/json; charset=utf-8",
        "Memq-Key": "josé",
        "Nats-Msg-Id": "order-4711",
        "trace": "4bf92f",
    }
    await order("k", "josé", "maté 🧉", mate)
    await order("k", "josé", "maté 🧉", mate)
    # A key that is not text, or not text that a header can hold.
    key = base64.b64encode(b"\x00\xff").decode()
    await order("k", "nobody", "water", {"Memq-Key-Base64": key})
    # What is no order: memq's readers are told so, and go on.
    stored = await js.publish(f"{topic}.0.n", b"two cups, please", timeout=30)
    tell(published="no order", offset=stored.seq - 1, duplicate=False)


async def main(url, namespace):
    nc = await nats.connect(url, connect_timeout=30)
    js = nc.jetstream()
    await read(js, f"{namespace}-orders")
    await publish(js, f"{namespace}.orders")
    await nc.close()


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    asyncio.run(main(*sys.argv[1:]))
