// Runs the npm packages `vnpay` and `vietnam-qr-pay` as told: one JSON call a line in, one JSON result a line out.
import { createInterface } from 'node:readline';

import qrPay from 'vietnam-qr-pay';
import { VNPay } from 'vnpay';

const client = (config) => new VNPay(config);

const calls = {
    buildPaymentUrl: ({ config, data }) => client(config).buildPaymentUrl(data),
    verifyIpnCall: ({ config, data }) => client(config).verifyIpnCall(data),
    verifyReturnUrl: ({ config, data }) => client(config).verifyReturnUrl(data),
    queryDr: ({ config, data }) => client(config).queryDr(data),
    refund: ({ config, data }) => client(config).refund(data),
    generateQr: ({ config, data }) => client(config).generateQr(data),
    getBankList: ({ config }) => client(config).getBankList(),
    readQr: ({ data }) => new qrPay.QRPay(data),
    writeQr: ({ data }) => qrPay.QRPay.initVNPayQR(data).build(),
    writeVietQr: ({ data }) => qrPay.QRPay.initVietQR(data).build(),
    bank: ({ data }) => qrPay.BanksObject[data],
};

for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line);
    let told;
    try {
        told = { result: await calls[request.call](request) };
    } catch (error) {
        told = { error: String(error.message) };
    }
    console.log(JSON.stringify(told));
}
