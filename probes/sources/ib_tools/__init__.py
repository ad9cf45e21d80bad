"""The tools of infiniband-diags, which ask a subnet's nodes by management datagrams: started here, and understood."""
