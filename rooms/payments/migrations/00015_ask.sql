-- +goose Up

-- A request to pay between two connected participants (pain.013). What they say of
-- their customers stays in the message, which is kept until the request has ended.
create table payments_ask (
  uetr text primary key,             -- of the request
  asker text not null,               -- participant of the creditor
  payer text not null,               -- participant of the debtor
  message text not null,             -- MsgId, PmtInfId and EndToEndId of the request: reports name them
  instruction text not null,
  end_to_end text not null,
  hash {bytes} not null,             -- of what was asked
  account {bytes} not null,          -- hash of the creditor's IBAN
  amount bigint not null,
  state text not null,               -- asked, paid, refused, over
  reason text not null,              -- ISO 20022 ExternalStatusReason1Code
  transfer text not null,            -- the payment that tries or has tried last
  made bigint not null,
  expires bigint not null
) {strict};
