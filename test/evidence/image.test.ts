import { expect, test } from 'vitest';
import { hostOf, imageAnywhere, imageIn } from '../../src/evidence/image.ts';

test.each([
  ['contoso.azurecr.io', 'contoso.azurecr.io'],
  ['Contoso.AzureCR.io:443', 'contoso.azurecr.io'],
  ['contoso.azurecr.io:5000', 'contoso.azurecr.io:5000'],
  // One replica of a registry, by an endpoint of its own.
  ['contoso.westeurope.geo.azurecr.io', 'contoso.azurecr.io'],
  ['Contoso-a1b2c3.EastUS2.geo.azurecr.io:443', 'contoso-a1b2c3.azurecr.io'],
  ['contoso.chinaeast2.geo.azurecr.cn', 'contoso.azurecr.cn'],
  ['contoso.usgovvirginia.geo.azurecr.us', 'contoso.azurecr.us'],
  ['contoso.deloscloudgermanycentral.geo.azurecr.sovcloud-azure.de', 'contoso.azurecr.sovcloud-azure.de'],
  ['contoso.usseceast.geo.azurecr.microsoft.scloud', 'contoso.azurecr.microsoft.scloud'],
  ['contoso.westeurope.data.azurecr.io', 'contoso.azurecr.io'],
  ['contoso.azurecr.io.', 'contoso.azurecr.io'],
  ['contoso.azurecr.io.:443', 'contoso.azurecr.io'],
  // None of these is that of contoso.azurecr.io.
  ['contoso.westeurope.geo.azurecr.io.example.com', 'contoso.azurecr.io.example.com'],
  ['contoso.westeurope.geo.example.com', 'contoso.westeurope.geo.example.com'],
  ['contoso.westeurope.data.notazurecr.io', 'contoso.westeurope.data.notazurecr.io'],
  ['contoso.westeurope.logs.azurecr.io', 'contoso.westeurope.logs.azurecr.io'],
  ['geo.azurecr.io', 'geo.azurecr.io'],
  ['a.contoso.westeurope.geo.azurecr.io', 'a.contoso.westeurope.geo.azurecr.io'],
])('the registry %s is %s', (named, host) => {
  expect(hostOf(named)).toBe(host);
});

test('an image that is pulled from the endpoint of one region is the registry’s', () => {
  const name = 'contoso.westeurope.geo.azurecr.io/shop/api:v1';
  expect(imageIn('contoso.azurecr.io', name)).toEqual({ repository: 'shop/api', tag: 'v1' });
  expect(imageIn('fabrikam.azurecr.io', name)).toBe('other');
  expect(imageAnywhere(name)).toEqual({ registry: 'contoso.azurecr.io', repository: 'shop/api', tag: 'v1' });
});
