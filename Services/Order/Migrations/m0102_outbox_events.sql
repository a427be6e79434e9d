-- After a broker loss the published events are found again, some thousands at a time (D9).
CREATE INDEX outbox_events_published ON outbox (published_at) WHERE topic = 'order.events.v1';
