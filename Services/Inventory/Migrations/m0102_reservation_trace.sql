-- Where the checkout stood in its trace when its stock was held: the expiry job, which runs outside of
-- any request, goes on with that trace.
ALTER TABLE reservations ADD COLUMN traceparent text CHECK (length(traceparent) <= 128);
