package fspiop

// The data model (API Definition 7), as far as it occurs in the messages below.
var (
	id        = form("a UUID in lower case", IsID)
	fspID     = text(1, 32)
	currency  = form("a currency code of ISO 4217", IsCurrency)
	amountOf  = form("an amount: digits without leading zeros, up to four decimals, no zero at the end", IsAmount)
	money     = object(must("currency", currency), must("amount", amountOf))
	dateTime  = form("a time like 2016-05-24T08:38:08.699Z", isTime)
	person    = form("a name of 1 to 128 letters", isName)
	code      = form("capital letters and _", isUpper)
	condition = form("32 bytes in base64url", is32Bytes)
	packet    = form("an ILP packet in base64url", isPacket)

	extension  = object(must("key", text(1, 32)), must("value", text(1, 128)))
	extensions = object(must("extension", list(1, 16, extension)))

	complexName = object(may("firstName", person), may("middleName", person), may("lastName", person))
	personal    = object(may("complexName", complexName), may("dateOfBirth", form("a day like 1984-01-01", isDate)), may("kycInformation", text(1, 2048)))
	partyID     = object(must("partyIdType", oneOf(idTypes...)), must("partyIdentifier", text(1, 128)), may("partySubIdOrType", text(1, 128)), may("fspId", fspID), may("extensionList", extensions))
	party       = object(must("partyIdInfo", partyID), may("merchantClassificationCode", form("up to four digits", isMCC)), may("name", person), may("personalInfo", personal),
		may("supportedCurrencies", list(1, 16, currency)))

	refund          = object(must("originalTransactionId", id), may("refundReason", text(1, 128)))
	transactionType = object(must("scenario", oneOf("DEPOSIT", "WITHDRAWAL", "TRANSFER", "PAYMENT", "REFUND")), may("subScenario", code), must("initiator", oneOf("PAYER", "PAYEE")),
		must("initiatorType", oneOf("CONSUMER", "AGENT", "BUSINESS", "DEVICE")), may("refundInfo", refund), may("balanceOfPayments", form("three digits", func(s string) bool { return len(s) == 3 && allDigits(s) })))
	geo = object(must("latitude", form("degrees from -90 to 90", isCoordinate(90))), must("longitude", form("degrees from -180 to 180", isCoordinate(180))))

	// Hubs in use take an error code that is a number.
	errorCode        = &Schema{kind: String, form: isErrorCode, name: "an error code of four digits", number: true}
	errorInformation = object(must("errorCode", errorCode), must("errorDescription", text(1, 128)), may("extensionList", extensions))
)

// ErrorBody is the body of every callback to a path that ends in /error.
var ErrorBody = object(must("errorInformation", errorInformation))

// The bodies of requests and callbacks, by what their resources are called.
var (
	// /participants (6.2): who has a party.
	ParticipantsPost = object(must("requestId", id), must("partyList", list(1, 10000, partyID)), may("currency", currency))
	ParticipantPost  = object(must("fspId", fspID), may("currency", currency), may("extensionList", extensions))
	ParticipantPut   = object(may("fspId", fspID), may("extensionList", extensions))

	// /parties (6.3): who somebody is.
	PartyPut = object(must("party", party))

	// /quotes (6.5): what a transaction costs, and under which condition it is paid.
	QuotePost = object(must("quoteId", id), must("transactionId", id), may("transactionRequestId", id), must("payee", party), must("payer", party), must("amountType", oneOf("SEND", "RECEIVE")),
		must("amount", money), may("fees", money), must("transactionType", transactionType), may("geoCode", geo), may("note", text(1, 128)), may("expiration", dateTime), may("extensionList", extensions))
	QuotePut = object(must("transferAmount", money), may("payeeReceiveAmount", money), may("payeeFspFee", money), may("payeeFspCommission", money), must("expiration", dateTime),
		may("geoCode", geo), must("ilpPacket", packet), must("condition", condition), may("extensionList", extensions))

	// /transfers (6.7): the money.
	TransferPost = object(must("transferId", id), must("payeeFsp", fspID), must("payerFsp", fspID), must("amount", money), must("ilpPacket", packet), must("condition", condition),
		must("expiration", dateTime), may("extensionList", extensions))
	TransferPut   = object(may("fulfilment", condition), may("completedTimestamp", dateTime), must("transferState", oneOf("RECEIVED", "RESERVED", "COMMITTED", "ABORTED")), may("extensionList", extensions))
	TransferPatch = object(must("completedTimestamp", dateTime), must("transferState", oneOf("RECEIVED", "RESERVED", "COMMITTED", "ABORTED")), may("extensionList", extensions))

	// /bulkTransfers (6.10): many payees of one participant at once.
	individualTransfer = object(must("transferId", id), must("transferAmount", money), must("ilpPacket", packet), must("condition", condition), may("extensionList", extensions))
	individualResult   = object(must("transferId", id), may("fulfilment", condition), may("errorInformation", errorInformation), may("extensionList", extensions))
	BulkTransferPost   = object(must("bulkTransferId", id), must("bulkQuoteId", id), must("payerFsp", fspID), must("payeeFsp", fspID), must("individualTransfers", list(1, 1000, individualTransfer)),
		must("expiration", dateTime), may("extensionList", extensions))
	BulkTransferPut = object(may("completedTimestamp", dateTime), may("individualTransferResults", list(0, 1000, individualResult)),
		must("bulkTransferState", oneOf("RECEIVED", "PENDING", "ACCEPTED", "PROCESSING", "COMPLETED", "REJECTED")), may("extensionList", extensions))

	// /transactionRequests (6.4): the payee asks.
	RequestPost = object(must("transactionRequestId", id), must("payee", party), must("payer", partyID), must("amount", money), must("transactionType", transactionType), may("note", text(1, 128)),
		may("geoCode", geo), may("authenticationType", oneOf("OTP", "QRCODE", "U2F")), may("expiration", dateTime), may("extensionList", extensions))
	RequestPut = object(may("transactionId", id), must("transactionRequestState", oneOf("RECEIVED", "PENDING", "ACCEPTED", "REJECTED")), may("extensionList", extensions))

	// /authorizations (6.6): the payer proves to be there.
	authentication   = object(must("authentication", oneOf("OTP", "QRCODE", "U2F")), must("authenticationValue", text(1, 64)))
	AuthorizationPut = object(may("authenticationInfo", authentication), must("responseType", code))

	// AuthorizationGet are the parameters of GET /authorizations/{ID}.
	AuthorizationGet = object(must("authenticationType", oneOf("OTP", "QRCODE", "U2F")), must("retriesLeft", &Schema{kind: String, integer: true, min: 1}), must("amount", amountOf), must("currency", currency))

	// /fxQuotes and /fxTransfers (2.0): one currency for another.
	conversionTerms = object(must("conversionId", id), may("determiningTransferId", id), must("initiatingFsp", fspID), must("counterPartyFsp", fspID), must("amountType", oneOf("SEND", "RECEIVE")),
		must("sourceAmount", object(must("currency", currency), may("amount", amountOf))), must("targetAmount", object(must("currency", currency), may("amount", amountOf))),
		must("expiration", dateTime), may("extensionList", extensions))
	ConversionQuotePost    = object(must("conversionRequestId", id), must("conversionTerms", conversionTerms))
	ConversionQuotePut     = object(may("condition", condition), must("conversionTerms", conversionTerms))
	ConversionTransferPost = object(must("commitRequestId", id), may("determiningTransferId", id), must("initiatingFsp", fspID), must("counterPartyFsp", fspID), must("sourceAmount", money),
		must("targetAmount", money), must("condition", condition), may("expiration", dateTime))
	ConversionTransferPut   = object(may("fulfilment", condition), may("completedTimestamp", dateTime), must("conversionState", oneOf("RECEIVED", "RESERVED", "COMMITTED", "ABORTED")), may("extensionList", extensions))
	ConversionTransferPatch = object(must("completedTimestamp", dateTime), must("conversionState", oneOf("RECEIVED", "RESERVED", "COMMITTED", "ABORTED")), may("extensionList", extensions))
)
