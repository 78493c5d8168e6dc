package wire

import (
	"strings"

	"sarai/rooms/payments/iso20022/pacs002"
)

// Name is how messages name what is on its way: a payment by its UETR; a return,
// which bears the UETR of its payment, by that and its own identification (RtrId),
// which reports and requests carry as OrgnlInstrId. message is the name of the
// message that brought it, "" for a payment's.
func Name(message, uetr, instruction string) string {
	uetr = strings.ToLower(uetr)
	if strings.HasPrefix(message, "pacs.004.") {
		return uetr + "/" + instruction
	}
	return uetr
}

// NameOf is the name of what one part of a pacs.002 is about.
func NameOf(one *pacs002.PaymentTransaction110) string {
	if one.OrgnlGrpInf == nil {
		return Name("", one.OrgnlUETR, "")
	}
	return Name(one.OrgnlGrpInf.OrgnlMsgNmId, one.OrgnlUETR, one.OrgnlInstrId)
}
