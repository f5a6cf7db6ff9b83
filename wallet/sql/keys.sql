-- What Django's models cannot say: an entry, its posting and its account lie in one organisation, and its currency is
-- its account's.

ALTER TABLE public.wallet_posting
    ADD CONSTRAINT posting_reverses_one_of_its_organisation
        FOREIGN KEY (reverses_id, organisation_id) REFERENCES public.wallet_posting (id, organisation_id),
    ADD CONSTRAINT posting_day_is_the_shanghai_day
        CHECK (business_date = (posted_at AT TIME ZONE 'Asia/Shanghai')::date),
    ADD CONSTRAINT posting_content_hash_is_sha256 CHECK (length(content_hash) = 32);

ALTER TABLE public.wallet_entry
    ADD CONSTRAINT entry_in_its_postings_organisation
        FOREIGN KEY (posting_id, organisation_id) REFERENCES public.wallet_posting (id, organisation_id),
    ADD CONSTRAINT entry_in_its_accounts_organisation_and_currency
        FOREIGN KEY (account_id, organisation_id, currency)
        REFERENCES public.wallet_account (id, organisation_id, currency);

ALTER TABLE public.wallet_sealedday
    ADD CONSTRAINT sealed_day_hash_is_sha256 CHECK (length(hash) = 32),
    ADD CONSTRAINT sealed_day_was_over CHECK (day < (sealed_at AT TIME ZONE 'Asia/Shanghai')::date);
